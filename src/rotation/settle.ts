import type { ConsumerConfig } from '../core/config.ts';
import { digest } from '../core/digest.ts';
import type { HookRun } from '../core/outcomes.ts';
import type { Outcome } from '../core/prospect.ts';
import { keyOf, type Sent } from '../notify/contract.ts';
import { withConsumer, type AgentState, type ConsumerState, type Pending } from './state.ts';

/** What becomes of a pending notification after an attempt: pure rules on the state. */

/** A consumer that is not running is looked for again for this long: it may be between start and pid file. */
const ABSENT_GRACE = 30_000;
const FIRST_RETRY = 1_000;
const LAST_RETRY = 300_000;

export interface Attempted {
  readonly consumer: ConsumerConfig;
  readonly result: Outcome;
  /** The state that it began with: what the consumer knows by now. */
  readonly before: AgentState;
  /** What was pending then, with what was sent for it. */
  readonly pending: Pending;
  readonly now: number;
  /** What was sent is to be watched once more. */
  readonly isUnknown?: true;
  /** Until the next attempt, if there is to be one; milliseconds. */
  readonly delay: number;
  /** Whether its processes leave a trace when they read; undefined when nothing tells. */
  readonly traceable: boolean | undefined;
}

/** Notes what was sent, before it is watched. */
export function withSent(state: AgentState, name: string, pending: Pending, sent: Sent): AgentState {
  const own = state.consumers[name] ?? {};
  if (!own.pending) return state;
  const isEarlier = own.pending !== pending && { isEarlier: true as const };
  const noted = { ...sent, processes: [...sent.processes], ...isEarlier };
  return withConsumer(state, name, { ...own, pending: { ...own.pending, sent: noted } });
}

/** A consumer's state after an attempt. What became pending meanwhile stays so. */
export function settled(state: AgentState, attempted: Attempted): ConsumerState {
  const { consumer, result } = attempted;
  const { pending, ended: before, ...rest } = state.consumers[consumer.name] ?? {};
  const ended =
    result.result === 'ended'
      ? { error: { ...result.error, code: 'CONSUMER_ENDED' as const }, config: configOf(consumer) }
      : before;
  const known = knownAfter(attempted);
  const left = pending && leftPending(pending, attempted, ended !== undefined);
  return {
    ...rest,
    ...(ended && { ended }),
    ...matchedAfter(attempted),
    ...hookOf(result),
    ...(known && { known }),
    ...(left && { pending: left }),
  };
}

/** What its program came to and printed, where it has one. */
export function hookOf(result: Outcome): { readonly hook?: HookRun } {
  return 'hook' in result ? { hook: result.hook } : {};
}

function leftPending(pending: Pending, attempted: Attempted, hasEnded: boolean): Pending | undefined {
  const isNewer = pending !== attempted.pending || pending.sent?.isEarlier === true;
  const isDone = isDelivered(attempted);
  const { sent, ...rest } = pending;
  const next = attempted.isUnknown && sent ? pending : rest;
  if (!isNewer) return isDone && !hasEnded ? undefined : triedAgain(next, attempted);
  // What was noted before a first delivery had ended comes after one.
  return isDone && next.reason === 'first' ? { ...next, reason: 'changed' } : next;
}

/** Whether a consumer that ended is still not to be notified. */
export function isEndedFor({ ended }: ConsumerState, consumer: ConsumerConfig): boolean {
  return ended?.config === configOf(consumer);
}

function configOf(consumer: ConsumerConfig): string {
  return digest(JSON.stringify(consumer));
}

function knownAfter(attempted: Attempted): ConsumerState['known'] {
  const { result, now, traceable, pending } = attempted;
  const { standing } = attempted.before;
  if (!standing || !isDelivered(attempted) || !('detail' in result) || result.result === 'scheduled') return undefined;
  const { expiration, lifetime } = standing;
  const trace = traceable !== undefined && { traceable };
  return { generation: pending.generation, at: now, expiration, lifetime, by: result.result, ...trace };
}

/** Of so many processes it is remembered that they are meant. */
const MOST_MATCHED = 50;

function matchedAfter({ result, pending }: Attempted): Pick<ConsumerState, 'matched'> {
  const sent = result.result === 'notified' ? (pending.sent?.processes ?? []) : [];
  const matched = sent.flatMap((process) => (process.file === undefined ? [] : `${process.file}=${keyOf(process)}`));
  return matched.length > 0 ? { matched: matched.slice(0, MOST_MATCHED) } : {};
}

/** One that does not is enough; one of which nobody knows leaves it open. */
export function forAll(verdicts: readonly (boolean | undefined)[]): boolean | undefined {
  if (verdicts.includes(false)) return false;
  return verdicts.includes(undefined) ? undefined : true;
}

function isDelivered({ result, now, pending }: Attempted): boolean {
  if (result.result === 'not_running') return now - pending.since >= ABSENT_GRACE;
  return result.result === 'notified' || result.result === 'started_since';
}

function triedAgain(next: Pending, { result, now, delay, pending: { sent } }: Attempted): Pending {
  if (result.result === 'scheduled') return { ...next, nextAttempt: result.until };
  // Others are still to be notified: those that were, are not again.
  const keys = [...(next.notified ?? []), ...(sent?.processes.map(keyOf) ?? [])];
  const notified = result.result === 'pending' && !next.sent && keys.length > 0 && { notified: keys };
  return { ...next, ...notified, attempts: next.attempts + 1, nextAttempt: now + delay };
}

/** Full jitter, so that retries of many hosts or consumers do not fall into step. */
export function backoff(attempts: number, random: number): number {
  const ceiling = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** attempts);
  return Math.max(FIRST_RETRY / 2, ceiling * random);
}
