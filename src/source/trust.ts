import type { SourceConfig } from '../core/config.ts';
import type { Fetched, SuccessfulFetch, Users } from '../core/contracts.ts';
import { AgentError } from '../core/errors.ts';
import { outcomeOf } from './outcome.ts';

/** How far the configuration trusts a source. */
export interface SourceTrust extends Pick<SourceConfig, 'expectAccount'> {
  readonly trustedUser?: string | number | undefined;
}

interface TrustDeps {
  readonly users: Users;
  /** The agent's own user id. */
  readonly uid: number;
}

/**
 * Adds to an answer the user who decides about it: that user's credentials go only into the user's sinks
 * (sinks/assign.ts), unless the user is trusted or the agent works for that user. Refuses credentials of another
 * account than the expected one.
 */
export async function judge(fetched: Fetched, trust: SourceTrust, deps: TrustDeps): Promise<Fetched> {
  if (!fetched.ok) return fetched;
  const { user, ...origin } = fetched.origin;
  const deciding = await decidingUser(user, trust, deps);
  const judged = { ...fetched, origin: { ...origin, ...(deciding !== undefined && { user: deciding }) } };
  const account = accountOf(judged);
  const { expectAccount: expected } = trust;
  if (expected === undefined || account === expected) return judged;
  const error = new AgentError(
    'SOURCE_DENIED',
    `expected credentials of the account ${expected}, got ${account === undefined ? 'some of which nobody says so' : `those of ${account}`}`,
    { hint: 'correct expect_account:, or find out what gives such credentials' },
  );
  return outcomeOf(error, 'later');
}

/** Undefined if only root, the agent or a trusted user decides. */
export async function decidingUser(
  user: number | undefined,
  { trustedUser }: SourceTrust,
  { users, uid }: TrustDeps,
): Promise<number | undefined> {
  if (user === undefined || user === 0 || user === uid) return undefined;
  const trusted = trustedUser === undefined ? undefined : await users.user(trustedUser).catch(() => undefined);
  return trusted?.uid === user ? undefined : user;
}

/** Of a user's credentials only the key id proves the account: the user may have written the rest. */
function accountOf({ origin, credentials }: SuccessfulFetch): string | undefined {
  const { accessKeyId, accountId } = credentials;
  const stated = origin.user === undefined ? (origin.accountId ?? accountId) : undefined;
  return stated ?? accountOfKey(accessKeyId);
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/**
 * The account that an access key id was made for: 40 of the 80 bits that follow its kind. AWS vouches for the pair of
 * id and secret, so nobody can make one of another account. Undefined for ids from before 2019, and those of other
 * services.
 */
export function accountOfKey(accessKeyId: string): string | undefined {
  if (!/^A[KS]IA[Q-Z2-7][A-Z2-7]{15}$/.test(accessKeyId)) return undefined;
  const digits = Array.from(accessKeyId.slice(4, 14), (digit) => BigInt(BASE32.indexOf(digit)));
  const bits = digits.reduce((all, digit) => (all << 5n) | digit, 0n) >> 2n;
  return String((bits & 0x7fffffffff80n) >> 7n).padStart(12, '0');
}
