import { setTimeout as delay } from 'node:timers/promises';
import type { ConsumerConfig, SignalConsumer } from '../core/config.ts';
import type { Outcome } from '../core/outcomes.ts';
import { keyOf, type NotifyDeps, type Sent, type SentProcess, type WatchTimes } from './contract.ts';
import { hold, match } from './match.ts';
import { allPids, readGroup, readProcess, unitOf } from './proc.ts';
import { lookAtUnit, managerOf, type Unit } from './systemd.ts';

const TIMES: WatchTimes = { window: 2_000, successor: 30_000 };

/** Between looks for a successor; milliseconds. */
const STEP = 500;

/**
 * Whether a consumer has survived what was sent to it. A caught signal proves little: programs and their runtimes catch
 * signals for ends of their own. An older parent or a successor counts, as with nginx's workers and gunicorn's SIGUSR2.
 * Goes on where a former process of ours stopped. Rejects when aborted.
 */
export async function watch(
  deps: NotifyDeps,
  consumer: ConsumerConfig,
  sent: Sent,
  abort: AbortSignal,
): Promise<Outcome> {
  const { window, successor } = deps.watch ?? TIMES;
  const now = deps.readBootTime();
  if (now.bootId !== sent.at.bootId) return { result: 'not_running', detail: 'the host was booted since' };
  const age = (): number => deps.readBootTime().sinceBoot - sent.at.sinceBoot;
  await delay(Math.max(0, window - age()), undefined, { signal: abort });
  for (;;) {
    const seen = await look(deps, consumer, sent, abort);
    if (seen === 'lives') return survived(sent);
    if (seen === 'ended' || age() > window + successor) return ended(sent, consumer);
    if (seen === 'stopped') return { result: 'not_running', detail: `stopped after ${sent.detail}` };
    await delay(Math.min(STEP, successor), undefined, { signal: abort });
  }
}

/** `coming`: it is not there, and expected back; `stopped`: by somebody else. */
type Seen = 'lives' | 'coming' | 'ended' | 'stopped';

async function look(deps: NotifyDeps, consumer: ConsumerConfig, sent: Sent, abort: AbortSignal): Promise<Seen> {
  if (consumer.type === 'systemd' && sent.unit) {
    const unit = await lookAtUnit(deps, consumer.unit, await managerOf(deps, consumer.user), abort);
    return judgeUnit(unit, sent);
  }
  const gone = sent.processes.find((process) => !isStillThere(process));
  if (!gone || (await hasSuccessor(deps, consumer, sent, abort))) return 'lives';
  return sent.endsIt ? 'coming' : await doneByOthers(deps, gone, abort);
}

function judgeUnit({ state, restarts, ...seen }: Unit, { unit, endsIt }: Sent): Seen {
  const isActive = state === 'active' || state === 'reloading';
  if (endsIt) return isActive ? 'lives' : 'coming';
  if (restarts > (unit?.restarts ?? 0)) return 'ended';
  return isActive ? 'lives' : madeBy(seen);
}

/** Somebody else may stop or restart a unit just then. */
function madeBy({ hasJob, wasStopped }: Pick<Unit, 'hasJob' | 'wasStopped'>): Seen {
  return hasJob ? 'coming' : wasStopped ? 'stopped' : 'ended';
}

/** What has ended a process that belongs to a unit, though its consumer does not name that. */
async function doneByOthers(deps: NotifyDeps, { group }: SentProcess, abort: AbortSignal): Promise<Seen> {
  const owner = unitOf(group);
  if (!owner) return 'ended';
  try {
    return madeBy(await lookAtUnit(deps, owner.name, await managerOf(deps, owner.user), abort));
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
 * A process that the consumer's target leads to by now, or that has the same executable and user, and the same session
 * or a control group that is not everybody's.
 */
async function hasSuccessor(
  deps: NotifyDeps,
  consumer: ConsumerConfig,
  { processes }: Sent,
  abort: AbortSignal,
): Promise<boolean> {
  const target: SignalConsumer['target'] = consumer.type === 'signal' ? consumer.target : {};
  if (await isFound(deps, target, abort)) return true;
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

async function isFound(deps: NotifyDeps, target: SignalConsumer['target'], abort: AbortSignal): Promise<boolean> {
  try {
    using found = await match(deps, target, {}, abort);
    return found.matches.length > 0;
  } catch {
    abort.throwIfAborted();
    return false;
  }
}

function survived({ detail, processes }: Sent): Outcome {
  return { result: 'notified', detail, ...(processes.length > 0 && { processes: processes.map(({ pid }) => pid) }) };
}

function ended({ detail, unit, processes }: Sent, consumer: ConsumerConfig): Outcome {
  const what = unit?.name ?? (processes.length === 1 ? `pid ${processes[0]?.pid}` : `${processes.length} processes`);
  return {
    result: 'ended',
    error: {
      code: 'CONSUMER_ENDED',
      message: `${what}: expected to go on after ${detail}, got its end`,
      hint:
        'it is not notified that way again: have it restarted instead (action: restart), or correct what it does, and ' +
        `then: credrotate refresh --notify ${consumer.name}`,
    },
  };
}
