import { setTimeout as delay } from 'node:timers/promises';
import type { ConsumerConfig, SystemdConsumer } from '../core/config.ts';
import type { Outcome } from '../core/outcomes.ts';
import { keyOf, type NotifyDeps, type Sent, type SentProcess, type WatchTimes } from './contract.ts';
import { hold, match } from './match.ts';
import { allPids, readGroup, readProcess, unitOf } from './proc.ts';
import { lookAtUnit, managerOf, type Unit, unitStartedAfter } from './systemd.ts';

const TIMES: WatchTimes = { windowMs: 2_000, successorMs: 30_000 };

/** Between looks for a successor. */
const STEP_MS = 500;

/**
 * Whether a consumer has survived its notification. A caught signal proves little: runtimes catch signals for their own
 * purposes. A surviving parent or a successor counts, as with nginx's workers and gunicorn's SIGUSR2. After a restart
 * of the agent the watch continues. Rejects when aborted.
 */
export async function watch(
  deps: NotifyDeps,
  consumer: ConsumerConfig,
  sent: Sent,
  abort: AbortSignal,
): Promise<Outcome> {
  const { windowMs, successorMs } = deps.watch ?? TIMES;
  const { detail, processes } = sent;
  const age = (): number => deps.readBootTime().sinceBoot - sent.at.sinceBoot;
  if (deps.readBootTime().bootId !== sent.at.bootId) {
    return { result: 'not_running', detail: 'the host was booted since' };
  }
  await delay(Math.max(0, windowMs - age()), undefined, { signal: abort });
  for (;;) {
    const seen = await look({ deps, consumer, sent, abort });
    const pids = processes.map(({ pid }) => pid);
    if (seen === 'lives') return { result: 'notified', detail, ...(pids.length > 0 && { processes: pids }) };
    if (seen === 'ended' || age() > windowMs + successorMs) return ended(sent, consumer);
    if (seen === 'stopped') return { result: 'not_running', detail: `stopped after ${detail}` };
    await delay(Math.min(STEP_MS, successorMs), undefined, { signal: abort });
  }
}

interface Watch {
  readonly deps: NotifyDeps;
  readonly consumer: ConsumerConfig;
  readonly sent: Sent;
  readonly abort: AbortSignal;
}

/** `coming`: not running, and expected back; `stopped`: by somebody else. */
type Fate = 'lives' | 'coming' | 'ended' | 'stopped';

async function look(watch: Watch): Promise<Fate> {
  const { deps, consumer, sent, abort } = watch;
  if (consumer.type === 'systemd' && sent.unit) {
    const { state, restarts, ...seen } = await lookAt(deps, consumer.unit, consumer.user, abort);
    const isActive = state === 'active' || state === 'reloading';
    if (sent.endsIt) return isActive ? 'lives' : 'coming';
    if (restarts > sent.unit.restarts) return 'ended';
    return isActive ? 'lives' : endOf(seen);
  }
  const gone = sent.processes.find((process) => !isStillThere(process));
  if (!gone || (await hasSuccessor(watch))) return 'lives';
  return sent.endsIt ? 'coming' : await endedIn(watch, unitOf(gone.group));
}

async function lookAt(
  deps: NotifyDeps,
  unit: string,
  user: SystemdConsumer['user'],
  abort: AbortSignal,
): Promise<Unit> {
  return await lookAtUnit(deps, unit, await managerOf(deps, user), abort);
}

/** Somebody else may stop or restart a unit at the same time. */
function endOf({ hasJob, wasStopped }: Pick<Unit, 'hasJob' | 'wasStopped'>): Fate {
  return hasJob ? 'coming' : wasStopped ? 'stopped' : 'ended';
}

/** The fate of a process in a unit that its consumer does not name. */
async function endedIn({ deps, sent, abort }: Watch, named: ReturnType<typeof unitOf>): Promise<Fate> {
  try {
    if (!named) return 'ended';
    const unit = await lookAt(deps, named.name, named.user, abort);
    // A unit is active before its new process has become the program.
    return unit.state === 'active' && unitStartedAfter(deps, unit, sent.at) ? 'coming' : endOf(unit);
  } catch {
    abort.throwIfAborted();
    return 'ended';
  }
}

function isStillThere(process: SentProcess): boolean {
  const facts = readProcess(process.pid);
  return facts?.isAlive === true && keyOf(facts) === keyOf(process);
}

/**
 * Whether the consumer's target leads to a process by now, or a process has the same executable and user, and the same
 * session or the same control group, unless all processes share that.
 */
async function hasSuccessor({ deps, consumer, sent: { processes }, abort }: Watch): Promise<boolean> {
  try {
    using found = await match(deps, consumer.type === 'signal' ? consumer.target : {}, {}, abort);
    if (found.matches.length > 0) return true;
  } catch {
    abort.throwIfAborted();
  }
  const everybodys = readGroup(process.pid);
  return allPids().some((pid) => {
    const seen = hold(deps, pid);
    seen?.held[Symbol.dispose]();
    if (typeof seen?.executable !== 'object') return false;
    const { file } = seen.executable;
    const { uids, session } = seen.facts;
    const group = readGroup(pid);
    return processes.some(
      (one) =>
        one.file === file &&
        one.uid === uids.real &&
        (one.session === session || (one.group === group && group !== everybodys)),
    );
  });
}

function ended({ detail, unit, processes }: Sent, consumer: ConsumerConfig): Outcome {
  const what = unit?.name ?? (processes.length === 1 ? `pid ${processes[0]?.pid}` : `${processes.length} processes`);
  return {
    result: 'ended',
    error: {
      code: 'CONSUMER_ENDED',
      message: `${what}: expected it to survive ${detail}, got its end`,
      hint:
        'it is not notified that way again: restart it instead (action: restart), or correct what it does, and ' +
        `then: credrotate refresh --notify ${consumer.name}`,
    },
  };
}
