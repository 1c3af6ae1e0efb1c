import type { Command } from 'commander';
import { AgentError } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { printReport, prospectLines } from '../report/print-report.ts';
import type { Report } from '../report/schema.ts';
import { reportOf, reportStatus } from '../report/report.ts';
import { askControl } from '../agent/control.ts';
import { askAgent } from '../agent/ask.ts';
import { factsOf } from '../agent/facts.ts';
import { hookOutputs, jsonOption, type ReportOptions, showReport } from './show-report.ts';
import { runtimeDirectory } from '../agent/published.ts';
import type { Run, World } from '../agent/world.ts';

interface RefreshOptions extends ReportOptions {
  readonly notify?: readonly string[];
  readonly notifyAll?: true;
  readonly accept?: true;
  readonly dryRun?: true;
}

export function addRefresh(program: Command, run: Run): void {
  program
    .command('refresh')
    .summary('have the running agent make a pass now')
    .description('Ask the running agent for a pass now, and print its report.')
    .option('--notify <consumer...>', 'notify these consumers, changed or not: to see what becomes of it')
    .option('--notify-all', 'notify every consumer, changed or not: after a revocation, for example')
    .option('--accept', 'take what the source gives, even if it expires before the current credentials')
    .option('--dry-run', 'with --notify: say what it would come to, and notify nobody')
    .addOption(jsonOption())
    .action((options: RefreshOptions) => run((world) => refresh(world, options)));
}

async function refresh(world: World, options: RefreshOptions): Promise<ExitCode> {
  const { notify = [], notifyAll = false, accept } = options;
  if (options.dryRun) return await dryRun(world, options);
  const report = await askAgent(world, { notifyAll, notify, ...(accept && { acceptedBy: world.uid }) });
  const { clock } = await world.services();
  const reported = reportStatus('refresh', await factsOf(world, report), clock.now()).report;
  return showReport(world, options, reported, () => printReport(reported, hookOutputs(world)));
}

async function dryRun(world: World, options: RefreshOptions): Promise<ExitCode> {
  const { notify = [] } = options;
  if (notify.length === 0) {
    throw new AgentError('USAGE', '--dry-run: expected it with --notify NAME', {
      hint: 'credrotate plan says what a whole pass would do',
    });
  }
  const request = { command: 'dry-run', notifyAll: false, notify } as const;
  const answer = (await askControl(runtimeDirectory(world), request, world.stop)) as Required<
    Pick<Report, 'consumers'>
  >;
  const exitCode = answer.consumers.some(({ error }) => error) ? EXIT.consumerPending : EXIT.done;
  const { clock } = await world.services();
  const report = reportOf('refresh', { ...answer, findings: [], exitCode }, clock.now());
  return showReport(world, options, report, () => `${answer.consumers.flatMap(prospectLines).join('\n')}\n`);
}
