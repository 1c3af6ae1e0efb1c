import { displayKeyId, fingerprint, type Credentials, type Origin } from '../core/credentials.ts';
import type { Fetched } from '../core/contracts.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { SourceState } from '../core/outcomes.ts';
import { stateOfFailure } from './source-state.ts';
import type { AgentState, Standing } from './state.ts';

/** What becomes of an answer of the source. Good credentials are never replaced by worse ones. */
export type Decision =
  | {
      readonly kind: 'new';
      readonly credentials: Credentials;
      readonly origin: Origin;
      readonly standing: Standing;
      /** Role, account or instance are others: everybody is notified at once. */
      readonly moved: boolean;
    }
  | { readonly kind: 'same'; readonly credentials: Credentials; readonly origin: Origin }
  | { readonly kind: 'keep'; readonly state: SourceState; readonly error: ErrorInfo };

/** `now` is a time of the source's clock, like the expirations that it is compared with. */
export function accept(fetched: Fetched, state: AgentState, now: number): Decision {
  if (!fetched.ok) return { kind: 'keep', ...stateOfFailure(fetched, state, now) };
  const moved = hasMoved(state.origin, fetched.origin);
  const origin = moved ? fetched.origin : { ...state.origin, ...fetched.origin };
  const credentials = withAccount(fetched.credentials, origin);
  const print = fingerprint(credentials);
  if (state.standing && !moved) {
    if (state.standing.fingerprint === print) return { kind: 'same', credentials, origin };
    if (isWorse(credentials, state.standing, now)) return keepLonger(credentials, state.standing);
  }
  const standing: Standing = {
    fingerprint: print,
    keyId: displayKeyId(credentials.accessKeyId),
    expiration: credentials.expiration,
    lifetime: credentials.expiration - now,
    fetchedAt: now,
  };
  return { kind: 'new', credentials, origin, standing, moved };
}

function isWorse(credentials: Credentials, standing: Standing, now: number): boolean {
  return standing.expiration > now && credentials.expiration < standing.expiration;
}

function keepLonger(credentials: Credentials, standing: Standing): Decision {
  const earlier = Math.round((standing.expiration - credentials.expiration) / 1000);
  return {
    kind: 'keep',
    state: 'ok',
    error: {
      code: 'CREDENTIALS_OLDER',
      message: `the source gave credentials that expire ${String(earlier)} s earlier than those that stand; kept the better ones`,
      hint: 'nothing to do unless it lasts: then look at what answers at the metadata endpoint',
    },
  };
}

/** An unknown value says nothing: only two known and different ones are a move. */
function hasMoved(before: Origin, after: Origin): boolean {
  return (['instanceId', 'role', 'accountId'] as const).some(
    (key) => before[key] !== undefined && after[key] !== undefined && before[key] !== after[key],
  );
}

/** A pass in which the account could not be found out must not write files without it. */
function withAccount(credentials: Credentials, { accountId }: Origin): Credentials {
  return accountId === undefined ? credentials : { ...credentials, accountId };
}
