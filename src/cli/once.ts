import type { Command } from 'commander';
import type { Config } from '../core/config.ts';
import { AgentError } from '../core/errors.ts';
import type { ExitCode } from '../core/exit.ts';
import type { OnceLimits } from '../agent/agent.ts';
import type { PassRequest } from '../rotation/rotate.ts';
import { isFinal } from '../rotation/accept.ts';
import { printReport } from '../report/print-report.ts';
import { isUpToDate, reportStatus, type StatusReport } from '../report/report.ts';
import { askForSinks } from '../agent/ask.ts';
import { factsOf } from '../agent/facts.ts';
import { hookOutputs, jsonOption, type ReportOptions, showReport } from './show-report.ts';
import { durationOption, readConfig, withSinks, type ConfigFlags } from './options.ts';
import type { Published } from '../agent/publish.ts';
import { openSession, type Session, type SessionOptions } from '../agent/session.ts';
import type { Run, World } from '../agent/world.ts';

interface OnceOptions extends ConfigFlags, ReportOptions {
  readonly wait?: number;
  /** Milliseconds. */
  readonly every?: number;
  readonly accept?: true;
  readonly dryRun?: true;
  readonly sdNotify?: true;
}

/** For consumers that are just starting and do not catch the signal yet. */
const CONSUMER_PATIENCE_MS = 5_000;
/** For another one-shot that holds the lock. */
const BUSY_PATIENCE_MS = 60_000;
const BUSY_STEP_MS = 1_000;
/** Between two requests to a running agent for the pass that finds credentials. */
const ASK_STEP_MS = 5_000;

export function addOnce(program: Command, run: Run): void {
  withSinks(program.command('once'))
    .summary('make one pass and end')
    .description('Fetch the credentials, write the sinks that differ, notify the consumers, and end.')
    .addOption(durationOption('--wait <duration>', 'wait this long for credentials, such as 5m'))
    .addOption(durationOption('--every <duration>', 'this is started again and again, such as by cron: how often'))
    .option('--dry-run', 'show what it would change, as plan does')
    .option('--accept', 'take what the source gives, even if it expires before the current credentials')
    .addOption(jsonOption())
    .option('--sd-notify', 'report readiness (Type=notify) when the sinks are written, before consumers are notified')
    .action((options: OnceOptions) => run((world) => once(world, options)));
}

async function once(world: World, options: OnceOptions): Promise<ExitCode> {
  if (options.dryRun) return (await import('./plan.ts')).plan(world, options);
  const config = await readConfig(world, options);
  const { clock, sdNotify } = await world.services();
  const onPublished = ({ isUpToDate }: Pick<Published, 'isUpToDate'>): void => {
    if (options.sdNotify && isUpToDate) sdNotify('READY=1');
  };
  const facts = await factsOf(world, await pass(world, config, options, onPublished));
  const now = clock.now();
  onPublished({ isUpToDate: isUpToDate(facts, now) });
  const { report } = reportStatus('once', facts, now);
  return showReport(world, options, report, () => printReport(report, hookOutputs(world, report)));
}

async function pass(
  world: World,
  config: Config,
  options: OnceOptions,
  onPublished: NonNullable<SessionOptions['onPublished']>,
): Promise<StatusReport> {
  const { wait = 0, every, accept } = options;
  const asked = { ...(accept && { acceptedBy: world.uid }) };
  const log = await world.openLog(config.log);
  const { clock } = await world.services();
  const giveUp = AbortSignal.timeout(BUSY_PATIENCE_MS);
  const over = wait > 0 ? AbortSignal.timeout(wait) : AbortSignal.abort();
  const period = every === undefined ? {} : { every: Math.ceil(every / 1000) };
  for (;;) {
    const session = await openSession(world, { config, log, mode: 'once', ...period, onPublished });
    if (session) return ownPass(session, asked, { waitMs: wait, patienceMs: CONSUMER_PATIENCE_MS }, world.stop);
    const report = await ask(() => askForSinks(world, config, { notifyAll: false, ...asked }), giveUp);
    if (report && (isFinal(report.source.state) || over.aborted)) return report;
    await clock.sleep(report ? Math.min(ASK_STEP_MS, wait) : BUSY_STEP_MS, world.stop);
    world.stop.throwIfAborted();
  }
}

/** Undefined if the lock is held without a socket: by another one-shot, or an agent that is starting or stopping. */
async function ask(agent: () => Promise<StatusReport>, giveUp: AbortSignal): Promise<StatusReport | undefined> {
  try {
    return await agent();
  } catch (error) {
    if (!(error instanceof AgentError) || error.code !== 'AGENT_ABSENT' || giveUp.aborted) throw error;
    return undefined;
  }
}

async function ownPass(
  { agent, publisher, close }: Session,
  asked: Omit<PassRequest, 'trigger'>,
  limits: OnceLimits,
  stop: AbortSignal,
): Promise<StatusReport> {
  try {
    await agent.once({ trigger: 'once', ...asked }, limits, stop);
    return publisher.describe(agent.view()).report;
  } finally {
    await close();
  }
}
