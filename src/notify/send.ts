import type { SignalConsumer, SignalName } from '../core/config.ts';
import { isErrno, toErrorInfo } from '../core/errors.ts';
import type { RunningProcess, Outcome, PendingResult } from '../core/outcomes.ts';
import {
  failed,
  type NotifyAttempt,
  type NotifyDeps,
  type NotifyResult,
  type PreparedNotification,
} from './contract.ts';
import type { SentProcess } from './contract.ts';
import { match, type Match } from './match.ts';
import { readGroup, type ProcessFacts } from './proc.ts';
import { described, lastLook, receive, type Aim, type JudgedMatch, type Verdict } from './receive.ts';

/** Finds the processes of a consumer, by its pid file or by executable and user, and judges each. */
export async function prepareSignal(
  deps: NotifyDeps,
  consumer: SignalConsumer,
  { request, signal }: NotifyAttempt,
): Promise<PreparedNotification> {
  const { handlesSignal, target } = consumer;
  const { changedAt, notified } = request;
  const found = await match(deps, target, request, signal);
  const aim: Aim = { signal: consumer.signal, handlesSignal, changedAt, notified };
  const judged = await receive(
    deps,
    found.matches.map((one) => ({ match: one, aim })),
    signal,
  );
  return {
    action: aim.signal,
    processes: judged.map(described),
    ...(judged.every(({ verdict }) => verdict.kind !== 'send') && { result: unsent(deps, judged, found.absence) }),
    send: () => Promise.resolve(sendAll(deps, judged, aim)),
    [Symbol.dispose]() {
      found[Symbol.dispose]();
    },
  };
}

export function unsent(deps: NotifyDeps, judged: readonly JudgedMatch[], absence: string): Outcome {
  const pending = pendingOf(deps, judged);
  if (pending) return pending;
  const of = (kind: string): readonly number[] =>
    judged.flatMap(({ match: { facts }, verdict }) => (verdict.kind === kind ? facts.pid : []));
  const [notified, since] = [of('notified'), of('started_since')];
  if (notified.length > 0) {
    return { result: 'notified', detail: `${pids(notified)} notified before`, processes: notified };
  }
  if (since.length > 0) {
    return { result: 'started_since', detail: `${pids(since)} started after the change`, processes: since };
  }
  const ended = judged.map(({ match: { facts } }) => facts.pid);
  return { result: 'not_running', detail: ended.length > 0 ? `${pids(ended)} ended` : absence };
}

function pids(numbers: readonly number[]): string {
  return numbers.length === 1 ? `pid ${numbers[0]}` : `${numbers.length} processes`;
}

/** The most processes that are named of those still to be notified. */
const MOST_NAMED = 20;

/** Processes that cannot be notified now keep the consumer pending; the first gives the reason. */
function pendingOf(deps: NotifyDeps, judged: readonly JudgedMatch[]): PendingResult | undefined {
  const refused = judged.flatMap(({ match: { facts }, verdict }) =>
    'error' in verdict ? [{ facts, ...verdict }] : [],
  );
  const [first] = refused;
  if (!first) return undefined;
  const processes = refused.slice(0, MOST_NAMED).map(({ facts }) => running(deps, facts));
  return { result: 'pending', kind: first.kind, error: first.error, processes };
}

export function running(deps: NotifyDeps, { pid, startedAt }: ProcessFacts): RunningProcess {
  const age = deps.readBootTime().sinceBoot - startedAt;
  return { pid, startedAt: Math.round(deps.clock.now() - age) };
}

/** Does not wait between processes, so that all of them are on disk together. */
export function sendAll(deps: NotifyDeps, judged: readonly JudgedMatch[], aim: Aim): NotifyResult {
  const after = judged.map((one) =>
    one.verdict.kind === 'send' ? { ...one, verdict: sendTo(deps, one.match, aim) } : one,
  );
  const processes = after.flatMap((one) => (one.verdict.kind === 'send' ? sentProcess(one.match) : []));
  if (processes.length === 0) return unsent(deps, after, 'no process');
  const rest = pendingOf(deps, after);
  const detail = `${aim.signal} to ${pids(processes.map(({ pid }) => pid))}`;
  return {
    result: 'sent',
    sent: { at: deps.readBootTime(), detail, processes, endsIt: ENDING.has(aim.signal), isPartial: !!rest },
    ...(rest && { rest }),
  };
}

/** A program that handles one of these ends in good order. */
const ENDING: ReadonlySet<SignalName> = new Set(['SIGTERM', 'SIGINT', 'SIGQUIT']);

export function sentProcess({ facts: { pid, startedAt, uids, session }, executable }: Match): SentProcess {
  const file = typeof executable === 'object' && { file: executable.file };
  return { pid, startedAt, uid: uids.real, session, group: readGroup(pid), ...file };
}

function sendTo(deps: NotifyDeps, { held }: Match, aim: Aim): Verdict {
  const verdict = lastLook(deps, held.pid, aim);
  if (verdict.kind !== 'send') return verdict;
  try {
    return { kind: held.signal(aim.signal) ? 'send' : 'ended' };
  } catch (error) {
    if (!isErrno(error, 'EPERM')) return { kind: 'refused', error: toErrorInfo(error, 'CONSUMER_FAILED') };
    const message = `pid ${held.pid}: expected to be allowed to signal it, got EPERM`;
    return { kind: 'refused', error: failed(message, 'run the agent as root, or as the user of the process').toInfo() };
  }
}
