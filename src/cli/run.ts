import type { Command } from 'commander';
import type { Agent } from '../agent/agent.ts';
import { isServed, serveControl } from '../agent/control.ts';
import type { Published } from '../agent/publish.ts';
import { runtimeDirectory } from '../agent/published.ts';
import { Readiness, Watchdog } from '../agent/service-manager.ts';
import { openSession, type Session, type SessionOptions } from '../agent/session.ts';
import type { Run, World } from '../agent/world.ts';
import type { Config } from '../core/config.ts';
import type { Clock, Log } from '../core/contracts.ts';
import { AgentError, describeForeign, toErrorInfo } from '../core/errors.ts';
import { EXIT, type ExitCode } from '../core/exit.ts';
import { namesOf } from '../core/sink-id.ts';
import type { ConsumerStatus } from '../report/schema.ts';
import { count } from '../report/text.ts';
import { sinksOf } from '../rotation/pending.ts';
import { CommandFailure, readConfig, withConfig, type ConfigOptions } from './options.ts';

/** For a one-shot that holds the lock. */
const BUSY_PATIENCE_MS = 60_000;
const BUSY_STEP_MS = 500;

export function addRun(program: Command, run: Run): void {
  withConfig(program.command('run'))
    .summary('keep the sinks fresh: the agent')
    .description('Keep the sinks fresh until SIGTERM. SIGHUP reads the configuration again and makes a pass.')
    .action((options: ConfigOptions) => run((world) => serve(world, options)));
}

async function serve(world: World, options: ConfigOptions): Promise<ExitCode> {
  const config = await readConfig(world, options);
  const log = await world.openLog(config.log);
  const { clock, sdNotify } = await world.services();
  const readiness = new Readiness(sdNotify, config.startupWait);
  const watchdog = new Watchdog(world.env, sdNotify, { config });
  const trimMemory = memoryTrim(world, log);
  const onPublished = (published: Published): void => {
    readiness.see(published);
    watchdog.see(published.view);
    trimMemory();
  };
  const opening = openWhenFree(world, { config, log, mode: 'run', onPublished });
  // A unit may be reloaded once it is ready, which may be before a one-shot has made way for us: then that has to wait.
  world.onHangup(
    () =>
      void opening.then(
        ({ agent }) => reload(world, options, { agent, log, readiness, clock }),
        () => undefined,
      ),
  );
  const session = await opening;
  const { agent } = session;
  log.info(`credrotate ${world.version} keeps ${count(config.sinks.length, 'sink')} fresh`, { event: 'started' });
  const control = await openControl(world, session, log);
  try {
    await agent.run(world.stop);
  } finally {
    readiness.stop();
    watchdog.stop();
    await control?.[Symbol.asyncDispose]();
    await session.close();
  }
  log.info('stopped', { event: 'stopped' });
  return EXIT.done;
}

/** Mostly, a pass and its notifications are over by then. */
const TRIM_DELAY_MS = 1_000;

/**
 * Gives back the memory that a pass has used, a moment after each call. A process that allocates next to nothing
 * between its passes hardly ever collects its garbage by itself: left alone, its heap grows for days.
 */
function memoryTrim({ giveBackMemory }: World, log: Log): () => void {
  let timer: NodeJS.Timeout | undefined;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      giveBackMemory().catch((error: unknown) => {
        log.debug(`memory cannot be given back: ${describeForeign(error)}`, { event: 'memory_trouble' });
      });
    }, TRIM_DELAY_MS).unref();
  };
}

/**
 * Waits for a one-shot, which user data may have started at the same moment, but not for another agent.
 */
async function openWhenFree(world: World, options: SessionOptions): Promise<Session> {
  const { clock } = await world.services();
  const giveUp = AbortSignal.timeout(BUSY_PATIENCE_MS);
  for (let isFirst = true; ; isFirst = false) {
    const session = await openSession(world, options);
    if (session) return session;
    if (giveUp.aborted || (await isServed(runtimeDirectory(world)))) {
      throw new AgentError('AGENT_BUSY', `${world.directories.state}: another credrotate holds the lock`, {
        hint: 'ask it for a pass with: credrotate refresh; or give this one another STATE_DIRECTORY',
      });
    }
    if (isFirst) options.log.info('waiting for a one-shot that is at work', { event: 'waiting' });
    await clock.sleep(BUSY_STEP_MS, world.stop);
    world.stop.throwIfAborted();
  }
}

/** The agent works even without its socket. */
async function openControl(
  world: World,
  { agent, publisher }: Session,
  log: Log,
): Promise<AsyncDisposable | undefined> {
  try {
    return await serveControl(runtimeDirectory(world), async ({ command, notify = [], ...asked }) => {
      if (command === 'ping') return {};
      if (command === 'dry-run') return { consumers: await prospectsOf(agent, notify, asked.notifyAll) };
      return publisher.describe(await agent.ask({ trigger: command, notify, ...asked })).report;
    });
  } catch (error) {
    const { message } = toErrorInfo(error);
    log.error(`${world.directories.runtime}: no control socket, so refresh will not work: ${message}`, {
      event: 'control_trouble',
    });
    return undefined;
  }
}

async function prospectsOf(
  agent: Session['agent'],
  names: readonly string[],
  isAll: boolean,
): Promise<readonly ConsumerStatus[]> {
  const { prospective } = await import('../report/print-report.ts');
  const { sinks, consumers } = agent.view().config;
  const prospects = await agent.dryRun(isAll ? consumers.map(({ name }) => name) : names);
  return prospects.map(([consumer, prospect]) =>
    prospective(consumer, namesOf(sinksOf(sinks, consumer.name)), prospect),
  );
}

/** A wrong configuration changes nothing: the agent keeps the current one, and makes its pass. */
async function reload(
  world: World,
  options: ConfigOptions,
  { agent, log, readiness, clock }: { agent: Agent; log: Log; readiness: Readiness; clock: Clock },
): Promise<void> {
  const since = clock.now();
  readiness.reloading(since);
  try {
    const config = await reread(world, options, log);
    await (config ? agent.reload(config) : agent.ask({ trigger: 'reload' }));
  } catch (error) {
    log.error(`reload: ${toErrorInfo(error).message}`, { event: 'reload_failed' });
  } finally {
    readiness.reloaded(since);
  }
}

async function reread(world: World, options: ConfigOptions, log: Log): Promise<Config | undefined> {
  try {
    const config = await readConfig(world, options);
    log.info('configuration read again', { event: 'reloaded', sinks: config.sinks.length });
    return config;
  } catch (error) {
    const reason = error instanceof CommandFailure ? error.message.trimEnd() : toErrorInfo(error).message;
    for (const line of reason.split('\n'))
      log.error(`configuration kept as it was: ${line}`, { event: 'reload_refused' });
    return undefined;
  }
}
