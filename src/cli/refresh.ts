import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { printReport, prospectLines } from '../report/print-report.ts';
import { reportStatus } from '../report/report.ts';
import { askAgent, askDryRun } from '../agent/ask.ts';
import { factsOf, lookAtConfiguration } from '../agent/facts.ts';
import { hookOutputs, jsonOption, type ReportOptions, showFound, showReport } from './show-report.ts';
import { readStatus } from '../agent/published.ts';
import type { Run, World } from '../agent/world.ts';

interface RefreshOptions extends ReportOptions {
  readonly notify?: readonly string[];
  readonly notifyAll?: true;
  readonly source?: readonly string[];
  readonly accept?: true;
  readonly dryRun?: true;
}

export function addRefresh(program: Command, run: Run): void {
  program
    .command('refresh')
    .summary('have the running agent make a pass now')
    .description('Ask the running agent for a pass now, and print its report.')
    .option('--source <source...>', 'ask only these sources, for new credentials even if the current ones are good')
    .option('--notify <consumer...>', 'notify these consumers, changed or not: to see what becomes of it')
    .option('--notify-all', 'notify every consumer, changed or not: after a revocation, for example')
    .option('--accept', 'take what the source gives, even if it expires before the current credentials')
    .option('--dry-run', 'show the changes or, with --notify, the notifications that it would make, and do nothing')
    .addOption(jsonOption())
    .action((options: RefreshOptions) => run((world) => refresh(world, options)));
}

async function refresh(world: World, options: RefreshOptions): Promise<ExitCode> {
  const { notify = [], notifyAll = false, accept, source: sources } = options;
  if (options.dryRun) return await dryRun(world, options);
  const report = await askAgent(world, {
    ...{ notifyAll, notify },
    ...(sources && { sources }),
    ...(accept && { acceptedBy: world.uid }),
  });
  const { clock } = await world.services();
  const reported = reportStatus('refresh', await factsOf(world, report), clock.now()).report;
  return showReport(world, options, reported, () => printReport(reported, hookOutputs(world, reported)));
}

async function dryRun(world: World, options: RefreshOptions): Promise<ExitCode> {
  const { notify = [], notifyAll = false } = options;
  // Fails without a running agent, as the request would.
  const { consumers } = await askDryRun(world, { notifyAll, notify });
  if (!notifyAll && notify.length === 0) return await planPass(world, options);
  const exitCode = consumers.some(({ error }) => error) ? EXIT.consumerPending : EXIT.done;
  const text = `${consumers.flatMap(prospectLines).join('\n')}\n`;
  return await showFound(world, options, { command: 'refresh', consumers, findings: [], exitCode }, () => text);
}

async function planPass(world: World, options: RefreshOptions): Promise<ExitCode> {
  const { status } = readStatus(world);
  const onDisk = await lookAtConfiguration(world, status);
  if (onDisk && onDisk.state !== 'in_force')
    world.complain(
      'credrotate: warning: this is by the configuration on disk, and the agent has another one in force\n',
    );
  const { plan } = await import('./plan.ts');
  return await plan(world, { ...options, ...(status.configuration && { config: status.configuration.path }) });
}
