import type { NotifyResult } from '../notify/contract.ts';
import type { AgentState, ConsumerState, Pending } from './state.ts';

/** What becomes of a pending notification after an attempt: pure rules on the state. */

/** A consumer that is not running is looked for again for this long: it may be between start and pid file. */
const ABSENT_GRACE = 30_000;
const FIRST_RETRY = 1_000;
const LAST_RETRY = 300_000;

export interface Verdict {
  readonly result: NotifyResult;
  readonly now: number;
  /** Until the next attempt, if there is to be one; milliseconds. */
  readonly delay: number;
  /** Whether its processes leave a trace when they read; undefined when nothing tells. */
  readonly traceable: boolean | undefined;
}

/** A consumer's state after an attempt that began in `before`. What became pending meanwhile stays so. */
export function settled(state: AgentState, before: AgentState, name: string, verdict: Verdict): ConsumerState {
  const own = state.consumers[name] ?? {};
  const { pending, ...rest } = own;
  const newer = pending !== before.consumers[name]?.pending;
  if (!isDelivered(pending, verdict))
    return newer || !pending ? own : { ...rest, pending: triedAgain(pending, verdict) };
  const known = knownAfter(before, verdict);
  return { ...rest, ...(known && { known }), ...(newer && notFirst(pending)) };
}

function knownAfter({ standing, generation }: AgentState, { result, now, traceable }: Verdict): ConsumerState['known'] {
  if (!standing || result.result === 'pending' || result.result === 'scheduled') return undefined;
  const { expiration, lifetime } = standing;
  return {
    generation,
    at: now,
    expiration,
    lifetime,
    by: result.result,
    ...(traceable !== undefined && { traceable }),
  };
}

/** One that does not is enough; one of which nobody knows leaves it open. */
export function forAll(verdicts: readonly (boolean | undefined)[]): boolean | undefined {
  if (verdicts.includes(false)) return false;
  return verdicts.includes(undefined) ? undefined : true;
}

function isDelivered(pending: Pending | undefined, { result, now }: Verdict): boolean {
  if (result.result === 'not_running') return !pending || now - pending.since >= ABSENT_GRACE;
  return result.result === 'notified' || result.result === 'started_since';
}

/** What was noted before a first delivery had ended comes after one. */
function notFirst(pending: Pending | undefined): Pick<ConsumerState, 'pending'> {
  if (!pending) return {};
  return { pending: pending.reason === 'first' ? { ...pending, reason: 'changed' } : pending };
}

function triedAgain(pending: Pending, { result, now, delay }: Verdict): Pending {
  if (result.result === 'scheduled') return { ...pending, nextAttempt: result.until };
  const notified = result.result === 'pending' && result.notified ? { notified: [...result.notified] } : {};
  return { ...pending, ...notified, attempts: pending.attempts + 1, nextAttempt: now + delay };
}

/** Full jitter, so that retries of many hosts or consumers do not fall into step. */
export function backoff(attempts: number, random: number): number {
  const ceiling = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** attempts);
  return Math.max(FIRST_RETRY / 2, ceiling * random);
}
