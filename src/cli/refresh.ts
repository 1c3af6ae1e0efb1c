import type { Command } from 'commander';
import type { ExitCode } from '../core/exit.ts';
import { printReport } from '../report/print-report.ts';
import { reportStatus } from '../report/report.ts';
import { askAgent } from './ask.ts';
import { factsOf } from './facts.ts';
import { jsonOption, showReport, type ReportOptions } from './show-report.ts';
import type { Run, World } from './world.ts';

interface RefreshOptions extends ReportOptions {
  readonly notify?: readonly string[];
  readonly notifyAll?: true;
  readonly accept?: true;
}

export function addRefresh(program: Command, run: Run): void {
  program
    .command('refresh')
    .summary('have the running agent make a pass now')
    .description('Ask the running agent for a pass now, and print its report.')
    .option('--notify <consumer...>', 'notify these consumers, changed or not: to see what becomes of it')
    .option('--notify-all', 'notify every consumer, changed or not: after a revocation, for example')
    .option('--accept', 'take what the source gives, even if it expires before the current credentials')
    .addOption(jsonOption())
    .action((options: RefreshOptions) => run((world) => refresh(world, options)));
}

async function refresh(world: World, options: RefreshOptions): Promise<ExitCode> {
  const { notify = [], notifyAll = false, accept } = options;
  const report = await askAgent(world, { notifyAll, notify, ...(accept && { acceptedBy: world.uid }) });
  const { clock } = await world.services();
  const reported = reportStatus('refresh', await factsOf(world, report), clock.now()).report;
  return showReport(world, options, reported, () => printReport(reported));
}
