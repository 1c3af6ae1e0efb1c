import type { TellResult } from '../notify/contract.ts';
import type { AgentState, ConsumerState, Owed } from './state.ts';

/** What becomes of a debt after an attempt to pay it: pure rules on the state. */

/** A consumer that is not running is looked for again for this long: it may be between start and pid file. */
const ABSENT_GRACE = 30_000;
const FIRST_RETRY = 1_000;
const LAST_RETRY = 300_000;

export interface Verdict {
  readonly result: TellResult;
  readonly now: number;
  /** Until the next attempt, if there is to be one; milliseconds. */
  readonly delay: number;
  /** Whether its processes leave a trace when they read; undefined when nothing tells. */
  readonly traceable: boolean | undefined;
}

/** A consumer's state after an attempt that began in `before`. What came to be owed meanwhile stays owed. */
export function settled(state: AgentState, before: AgentState, name: string, verdict: Verdict): ConsumerState {
  const own = state.consumers[name] ?? {};
  const { owed, ...rest } = own;
  const newer = owed !== before.consumers[name]?.owed;
  if (!isPaid(owed, verdict)) return newer || !owed ? own : { ...rest, owed: triedAgain(owed, verdict) };
  const known = knownAfter(before, verdict);
  return { ...rest, ...(known && { known }), ...(newer && notFirst(owed)) };
}

function knownAfter({ standing, generation }: AgentState, { result, now, traceable }: Verdict): ConsumerState['known'] {
  if (!standing || result.result === 'pending' || result.result === 'waiting') return undefined;
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

function isPaid(owed: Owed | undefined, { result, now }: Verdict): boolean {
  if (result.result === 'absent') return !owed || now - owed.since >= ABSENT_GRACE;
  return result.result === 'told' || result.result === 'fresh';
}

/** What was noted before a first delivery had ended comes after one. */
function notFirst(owed: Owed | undefined): Pick<ConsumerState, 'owed'> {
  if (!owed) return {};
  return { owed: owed.reason === 'first' ? { ...owed, reason: 'changed' } : owed };
}

function triedAgain(owed: Owed, { result, now, delay }: Verdict): Owed {
  if (result.result === 'waiting') return { ...owed, nextAttempt: result.until };
  const told = result.result === 'pending' && result.told ? { told: [...result.told] } : {};
  return { ...owed, ...told, attempts: owed.attempts + 1, nextAttempt: now + delay };
}

/** Full jitter, so that retries of many hosts or consumers do not fall into step. */
export function backoff(attempts: number, random: number): number {
  const ceiling = Math.min(LAST_RETRY, FIRST_RETRY * 2 ** attempts);
  return Math.max(FIRST_RETRY / 2, ceiling * random);
}
