import type { Command } from 'commander';
import type { Config } from '../core/config.ts';
import { AgentError } from '../core/errors.ts';
import type { ExitCode } from '../core/exit.ts';
import { exitCodeOf } from '../core/exit.ts';
import type { PassReport } from '../core/outcomes.ts';
import type { OnceLimits } from '../rotation/agent.ts';
import type { PassRequest } from '../rotation/rotate.ts';
import { isAnswer } from '../rotation/source-state.ts';
import { printReport } from '../report/print-report.ts';
import { askRunningAgent, type Ask } from './ask.ts';
import { durationOption, readConfig, withSinks, type SinkFlags } from './options.ts';
import { missingFrom } from './readiness.ts';
import { openSession, type Session } from './session.ts';
import type { Run, World } from './world.ts';

interface OnceOptions extends SinkFlags {
  readonly wait?: number;
  readonly json?: true;
  readonly sdNotify?: true;
  readonly accept?: true;
}

type OnView = (view: Parameters<typeof missingFrom>[0]) => void;

/** For consumers that are just starting and do not catch the signal yet; milliseconds. */
const PATIENCE = 5_000;
/** For another one-shot that holds the lock; milliseconds. */
const BUSY_PATIENCE = 60_000;
const BUSY_STEP = 1_000;
/** Between two requests to a running agent for the pass that finds credentials; milliseconds. */
const ASK_STEP = 5_000;

export function addOnce(program: Command, run: Run): void {
  withSinks(program.command('once'))
    .summary('make one pass and end')
    .description('Fetch the credentials, write the sinks that differ, notify the consumers, and end.')
    .addOption(durationOption('--wait <duration>', 'wait this long for credentials, such as 5m'))
    .option('--accept', 'take what the source gives, even if it expires before the current credentials')
    .option('--json', 'print the report as JSON')
    .option('--sd-notify', 'report readiness (Type=notify) when the sinks stand, before consumers are notified')
    .action((options: OnceOptions) => run((world) => once(world, options)));
}

async function once(world: World, options: OnceOptions): Promise<ExitCode> {
  const config = await readConfig(world, options);
  const { sdNotify } = await world.services();
  const onView: OnView = (view) => {
    if (options.sdNotify && missingFrom(view) === undefined) sdNotify('READY=1');
  };
  const report = await pass(world, config, options, onView);
  onView({ config, report });
  if (options.json) world.print(`${JSON.stringify(report, undefined, 2)}\n`);
  else world.show(printReport(report));
  return exitCodeOf(report);
}

async function pass(world: World, config: Config, options: OnceOptions, onView: OnView): Promise<PassReport> {
  const { wait = 0, accept } = options;
  const asked = { notifyAll: false, ...(accept && { acceptedBy: world.uid }) };
  const log = await world.openLog(config.log);
  const { clock } = await world.services();
  const giveUp = AbortSignal.timeout(BUSY_PATIENCE);
  const over = wait > 0 ? AbortSignal.timeout(wait) : AbortSignal.abort();
  for (;;) {
    const session = await openSession(world, { config, log, mode: 'once', onView });
    if (session) return ownPass(session, asked, { wait, patience: PATIENCE }, world.stop);
    const report = await ask(world, { config, ...asked }, giveUp);
    if (report && (isAnswer(report.source.state) || over.aborted)) return report;
    await clock.sleep(report ? Math.min(ASK_STEP, wait) : BUSY_STEP, world.stop);
    world.stop.throwIfAborted();
  }
}

/** Undefined beside a held lock without a socket: another one-shot is at work, or an agent is starting or stopping. */
async function ask(world: World, asked: Ask, giveUp: AbortSignal): Promise<PassReport | undefined> {
  try {
    return await askRunningAgent(world, asked);
  } catch (error) {
    if (!(error instanceof AgentError) || error.code !== 'AGENT_ABSENT' || giveUp.aborted) throw error;
    return undefined;
  }
}

async function ownPass(
  session: Session,
  asked: Omit<PassRequest, 'trigger'>,
  limits: OnceLimits,
  stop: AbortSignal,
): Promise<PassReport> {
  try {
    return await session.agent.once({ trigger: 'once', ...asked }, limits, stop);
  } finally {
    await session.close();
  }
}
