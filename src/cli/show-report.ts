import { Option } from 'commander';
import { describeWhose, stateDirectory } from '../agent/published.ts';
import type { World } from '../agent/world.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { ExitCode } from '../core/exit.ts';
import { findingOf, type Finding } from '../core/findings.ts';
import { named, type SinkKey } from '../core/sink-id.ts';
import type { HookOutputs } from '../report/print-report.ts';
import { reportOf, type Reported, type StatusReport } from '../report/report.ts';
import type { Report } from '../report/schema.ts';
import { coloured, lineWidth, type Screen, plain, USUAL } from '../report/text.ts';
import { readState } from '../rotation/store.ts';

export interface ReportOptions {
  readonly json?: true;
}

export function jsonOption(): Option {
  return new Option('--json', 'print the report as JSON');
}

/** A finding for each sink with an error. `problem`: its consequence. */
export function refusedSinks(
  sinks: readonly (SinkKey & { readonly error?: ErrorInfo })[],
  problem: string,
): readonly Finding[] {
  return named(sinks).flatMap(({ name: subject, error }) =>
    error
      ? [findingOf(error.code === 'SINK_OUTDATED' ? 'sink-outdated' : 'sink-refused', { subject, problem }, error)]
      : [],
  );
}

/** Shows the result of a command as {@link showReport} does. */
export async function showFound(
  world: World,
  options: ReportOptions,
  { command, ...found }: Reported & { readonly command: string },
  text: (report: Report) => string,
): Promise<ExitCode> {
  const { clock } = await world.services();
  const report = reportOf(command, found, clock.now());
  return showReport(world, options, report, () => text(report));
}

/** Prints a report, as JSON or in the words that `text` gives, and gives its exit code. */
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

/** How what is laid out for people looks on standard output, a terminal or not. */
export function screenOf({ terminal }: World): Omit<Screen, 'now'> {
  return {
    paint: terminal?.hasColors ? coloured : plain,
    width: lineWidth(terminal?.size().columns ?? USUAL),
  };
}

/** The end of what hooks last printed, by the names of consumers. It may say more than all are to know: root alone sees it. */
export function hookOutputs(world: World, { consumers: reported }: Pick<StatusReport, 'consumers'>): HookOutputs {
  if (world.uid !== 0 || reported.length === 0) return {};
  const { consumers } = readState(stateDirectory(world));
  return Object.fromEntries(Object.entries(consumers).map(([name, { hook }]) => [name, hook?.output ?? '']));
}
