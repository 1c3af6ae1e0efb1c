import {
  displayKeyId,
  formatExpiration,
  movesBetween,
  versionOf,
  type Credentials,
  type Origin,
} from '../core/credentials.ts';
import type { FailedFetch, Fetched } from '../core/contracts.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { SourceState } from '../core/outcomes.ts';
import type { Current, SourceMemory } from './state.ts';

/** The part of a source's memory that decides. */
type Before = Pick<SourceMemory, 'current' | 'origin'>;

interface Given {
  readonly credentials: Credentials;
  readonly origin: Origin;
}

/** The decision about an answer of the source. Good credentials are never replaced by worse ones. */
export type Decision =
  /** `moved`: endpoint, role, account or instance changed, and every consumer is notified at once. */
  | (Given & { readonly kind: 'new'; readonly current: Current; readonly moved: boolean })
  | (Given & { readonly kind: 'same' })
  /** The same keys with another expiration, even an earlier one: the source decides about its keys. */
  | (Given & { readonly kind: 'renewed'; readonly current: Current })
  /** Without an error there was no need to ask. */
  | { readonly kind: 'keep'; readonly state: SourceState; readonly error?: ErrorInfo };

/**
 * `now` is a time of the source's clock, like the expirations. `takesEarlier`: accept credentials that expire before
 * the current ones, since these are lost, or since an administrator said so.
 */
export function accept(fetched: Fetched, state: Before, now: number, takesEarlier = false): Decision {
  if (!fetched.ok) return { kind: 'keep', ...stateOfFailure(fetched, state, now) };
  const moved = movesBetween(state.origin, fetched.origin).length > 0;
  const { user: _, ...known } = state.origin;
  const origin = moved ? fetched.origin : { ...known, ...fetched.origin };
  const credentials = withAccount(fetched.credentials, origin);
  const version = versionOf(credentials);
  if (state.current && !moved) {
    if (state.current.fingerprint === version.fingerprint) return acceptSame(credentials, origin, state.current, now);
    if (!takesEarlier && isWorse(credentials, state.current, now)) return keepLonger(credentials, state.current);
  }
  const current: Current = {
    ...version,
    keyId: displayKeyId(credentials.accessKeyId),
    ...lifeOf(credentials, now),
    fetchedAt: now,
  };
  return { kind: 'new', credentials, origin, current, moved };
}

function lifeOf(
  { expiration, endsUnknown, lastUpdated }: Credentials,
  now: number,
): Pick<Current, 'expiration' | 'endsUnknown' | 'lifetime' | 'lastUpdated'> {
  return {
    ...{ expiration, lifetime: expiration - now },
    ...(endsUnknown && { endsUnknown }),
    ...(lastUpdated !== undefined && { lastUpdated }),
  };
}

/** Some sources say at each request that they made the keys just now: the first such time stays. */
function acceptSame(credentials: Credentials, origin: Origin, current: Current, now: number): Decision {
  if (credentials.expiration !== current.expiration) {
    const { fingerprint, keyId, fetchedAt } = current;
    const renewed = { fingerprint, keyId, fetchedAt, ...lifeOf(credentials, now) };
    return { kind: 'renewed', credentials, origin, current: renewed };
  }
  const { lastUpdated: _, ...rest } = credentials;
  const { lastUpdated } = current;
  return { kind: 'same', credentials: { ...rest, ...(lastUpdated !== undefined && { lastUpdated }) }, origin };
}

function isWorse(credentials: Credentials, current: Current, now: number): boolean {
  // An end that nobody stated is made up by us.
  if (credentials.endsUnknown || current.endsUnknown) return false;
  return current.expiration > now && credentials.expiration < current.expiration;
}

function keepLonger(credentials: Credentials, current: Current): Decision {
  return {
    kind: 'keep',
    state: 'ok',
    error: {
      code: 'CREDENTIALS_OLDER',
      message:
        `the source gave credentials that expire at ${formatExpiration(credentials.expiration)}, before the current ` +
        `ones, which are kept: ${formatExpiration(current.expiration)}`,
      hint: 'if it lasts, find out what answers at the metadata endpoint; if the change is intended, accept these credentials: credrotate refresh --accept, or once --accept without an agent',
    },
  };
}

/** A pass in which the account could not be found out must not write files without it. */
function withAccount(credentials: Credentials, { accountId }: Origin): Credentials {
  return accountId === undefined ? credentials : { ...credentials, accountId };
}

/**
 * States that pass by themselves. All others are named even while current credentials live, since somebody must act.
 */
const PASSING: readonly FailedFetch['state'][] = ['unreachable', 'malformed', 'expired'];

/**
 * The state of a source that gave nothing, judged at `now` by its clock, and the error that says why and what to do.
 */
function stateOfFailure(
  { state, error }: FailedFetch,
  { current, origin }: Before,
  now: number,
): { readonly state: SourceState; readonly error: ErrorInfo } {
  if (!current) return { state, error };
  const isAlive = current.expiration > now;
  if (PASSING.includes(state)) return { state: isAlive ? 'stale' : 'expired', error };
  const until = `${isAlive ? 'good until' : 'expired at'} ${formatExpiration(current.expiration)}`;
  const message = `${error.message}; the files keep the credentials of role ${origin.role ?? '(unknown)'}, ${until}`;
  if (state !== 'no_role' || origin.role === undefined) return { state, error: { ...error, message } };
  const hint = `it had role ${origin.role} before: if that is not being replaced, see its instance profile; ${error.hint ?? ''}`;
  return { state, error: { ...error, message, hint } };
}

/** Whether `--wait` may stop. */
export function isFinal(state: SourceState): boolean {
  return state === 'ok' || state === 'disabled';
}
