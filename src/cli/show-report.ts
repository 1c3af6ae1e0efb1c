import { Option } from 'commander';
import type { ExitCode } from '../core/exit.ts';
import type { Report } from '../report/report-schema.ts';
import { describeWhose } from '../agent/published.ts';
import type { World } from '../agent/world.ts';

export interface ReportOptions {
  readonly json?: true;
}

export function jsonOption(): Option {
  return new Option('--json', 'print the report as JSON');
}

/** Says what a command has found or done, as JSON or in the words that `text` gives, and gives its exit code. */
export function showReport(world: World, { json }: ReportOptions, report: Report, text: () => string): ExitCode {
  if (json) world.print(`${JSON.stringify(report, undefined, 2)}\n`);
  else if (!world.isQuiet) world.show(text() + whoseLine(world));
  else if (report.exitCode !== 0 || report.level !== 'ok') world.complain(text());
  return report.exitCode;
}

/** For who is not root and has named no directories, and may think that it is the host's agent of which this speaks. */
export function whoseLine(world: World, directories = world.directories): string {
  const whose = world.env['RUNTIME_DIRECTORY'] ? undefined : describeWhose(world, directories);
  return whose === undefined ? '' : `agent     ${whose}\n`;
}

/** The same for a text that is laid out for its screen. */
export function showLaidOut(world: World, options: ReportOptions, report: Report, text: () => string): ExitCode {
  if (options.json || world.isQuiet) return showReport(world, options, report, text);
  world.print(text());
  return report.exitCode;
}
