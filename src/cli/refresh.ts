import type { Command } from 'commander';
import { exitCodeOf, type ExitCode } from '../core/exit.ts';
import { printReport } from '../report/print-report.ts';
import { askControl } from '../rotation/control.ts';
import { runtimeDirectory } from './own.ts';
import type { Run, World } from './world.ts';

interface RefreshOptions {
  readonly notify?: readonly string[];
  readonly notifyAll?: true;
  readonly accept?: true;
  readonly json?: true;
}

export function addRefresh(program: Command, run: Run): void {
  program
    .command('refresh')
    .summary('have the running agent make a pass now')
    .description('Ask the running agent for a pass now, and print its report.')
    .option('--notify <consumer...>', 'notify these consumers, changed or not: to see what becomes of it')
    .option('--notify-all', 'notify every consumer, changed or not: after a revocation, for example')
    .option('--accept', 'take what the source gives, even if it expires before the current credentials')
    .option('--json', 'print the report as JSON')
    .action((options: RefreshOptions) => run((world) => refresh(world, options)));
}

async function refresh(world: World, options: RefreshOptions): Promise<ExitCode> {
  const { notify = [], notifyAll = false, accept } = options;
  const request = { command: 'refresh', notifyAll, notify, ...(accept && { acceptedBy: world.uid }) } as const;
  const report = await askControl(runtimeDirectory(world), request, world.stop);
  if (options.json) world.print(`${JSON.stringify(report, undefined, 2)}\n`);
  else world.show(printReport(report));
  return exitCodeOf(report);
}
