import type { AwsCredentialsSink } from '../../core/config.ts';
import { formatExpiration } from '../../core/credentials.ts';
import type { Credentials, Origin } from '../../core/credentials.ts';
import { plain } from './plain.ts';

/** What a profile must say. */
export interface AwsKeys {
  /** Value of each key that is ours where it stands; undefined: it must not stand there. */
  readonly values: ReadonlyMap<string, string | undefined>;
  /** The keys that must stand there, in the order in which new ones are written. */
  readonly required: readonly string[];
}

export const securityToken = 'aws_security_token';

/** No SDK reads them, but helpers and shell prompts do, and would act on a stale one. */
const expirationKeys = ['x_security_token_expires', 'aws_expiration', 'aws_session_expiration'];

/** `inherited`: whether [DEFAULT] gives every profile a security token, which botocore prefers to the session token. */
export function awsKeys(
  credentials: Credentials,
  sink: AwsCredentialsSink,
  origin: Origin,
  inherited: boolean,
): AwsKeys {
  const token = plain('session token', credentials.sessionToken.reveal());
  const expiration = formatExpiration(credentials.expiration);
  const needsSecurityToken = sink.securityToken === 'always' || (sink.securityToken === 'auto' && inherited);
  const keys: readonly Key[] = [
    // Rewritten where they stand, not removed: their readers see the truth, and most of them take RFC 3339.
    ...expirationKeys.map((name): Key => [name, expiration, false]),
    ['aws_access_key_id', plain('access key id', credentials.accessKeyId), true],
    ['aws_secret_access_key', plain('secret access key', credentials.secretAccessKey.reveal()), true],
    ['aws_session_token', token, true],
    [securityToken, sink.securityToken === 'never' ? undefined : token, needsSecurityToken],
    ...accountKeys(credentials.accountId ?? origin.accountId, sink.accountId),
    ...(sink.expirationKey === undefined ? [] : [[sink.expirationKey.toLowerCase(), expiration, true] as const]),
  ];
  return {
    values: new Map(keys.map(([name, value]) => [name, value])),
    required: keys.filter(([, , isRequired]) => isRequired).map(([name]) => name),
  };
}

/** The keys that are to go when a profile is forgotten. An account id that we were not to write is the user's own. */
export function forgottenKeys({ accountId, expirationKey }: AwsCredentialsSink): ReadonlySet<string> {
  return new Set([
    ...expirationKeys,
    'aws_access_key_id',
    'aws_secret_access_key',
    'aws_session_token',
    securityToken,
    ...(accountId ? ['aws_account_id'] : []),
    ...(expirationKey === undefined ? [] : [expirationKey.toLowerCase()]),
  ]);
}

type Key = readonly [name: string, value: string | undefined, isRequired: boolean];

/** An account that we are to keep but do not know may be another one's; what we are not to keep stays, if it is not false. */
function accountKeys(account: string | undefined, isKept: boolean): Key[] {
  if (account !== undefined) return [['aws_account_id', plain('account id', account), isKept]];
  return isKept ? [['aws_account_id', undefined, false]] : [];
}
