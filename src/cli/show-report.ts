import type { ExitCode } from '../core/exit.ts';
import { printReport } from '../report/print-report.ts';
import type { reportStatus } from '../report/report.ts';
import type { World } from './world.ts';

/** Says what a pass came to, and gives the exit code. */
export function showReport(
  world: World,
  { json }: { readonly json?: true },
  reported: ReturnType<typeof reportStatus>,
): ExitCode {
  const { report, assessment } = reported;
  if (json) world.print(`${JSON.stringify(report, undefined, 2)}\n`);
  else world.show(printReport(report, assessment));
  return report.exitCode;
}
