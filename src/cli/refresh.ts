import type { Command } from 'commander';
import { AgentError } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import type { Foreseen } from '../core/prospect.ts';
import { prospectLine } from '../report/print-plan.ts';
import { reportStatus } from '../report/report.ts';
import { askControl } from '../rotation/control.ts';
import { askAgent } from './ask.ts';
import { factsOf } from './facts.ts';
import { runtimeDirectory } from './own.ts';
import { showReport } from './show-report.ts';
import type { Run, World } from './world.ts';

interface RefreshOptions {
  readonly notify?: readonly string[];
  readonly notifyAll?: true;
  readonly accept?: true;
  readonly dryRun?: true;
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
    .option('--dry-run', 'with --notify: say what it would come to, and notify nobody')
    .option('--json', 'print the report as JSON')
    .action((options: RefreshOptions) => run((world) => refresh(world, options)));
}

async function refresh(world: World, options: RefreshOptions): Promise<ExitCode> {
  const { notify = [], notifyAll = false, accept } = options;
  if (options.dryRun) return await dryRun(world, options);
  const report = await askAgent(world, { notifyAll, notify, ...(accept && { acceptedBy: world.uid }) });
  const { clock } = await world.services();
  return showReport(world, options, reportStatus('refresh', await factsOf(world, report), clock.now()));
}

async function dryRun(world: World, { notify = [], json }: RefreshOptions): Promise<ExitCode> {
  if (notify.length === 0) {
    throw new AgentError('USAGE', '--dry-run: expected it with --notify NAME', {
      hint: 'credrotate plan says what a whole pass would do',
    });
  }
  const request = { command: 'foresee', notifyAll: false, notify } as const;
  const foreseen = (await askControl(runtimeDirectory(world), request, world.stop)) as Foreseen;
  if (json) world.print(`${JSON.stringify(foreseen, undefined, 2)}\n`);
  else
    world.show(
      `${Object.entries(foreseen)
        .map(([name, prospect]) => prospectLine(name, prospect))
        .join('\n')}\n`,
    );
  const isRefused = Object.values(foreseen).some(({ result }) => result?.result === 'pending');
  return isRefused ? EXIT.consumerPending : EXIT.done;
}
