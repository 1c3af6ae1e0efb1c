import type { AwsCredentialsSink } from '../../../core/config.ts';
import { formatExpiration, type Credentials, type Origin } from '../../../core/credentials.ts';
import { isExpirationKey, SECURITY_TOKEN } from '../../../core/owned.ts';
import { followed, plain } from '../values.ts';
import type { Owns, Setting } from './sections.ts';

/** What a profile must say. */
export interface AwsKeys {
  readonly owns: Owns;
  /** What the line of a key that is ours must say; undefined: it must not stand there. */
  readonly lineFor: (standing: Pick<Setting, 'name' | 'key' | 'value'>) => string | undefined;
  /**
   * The lines that must stand there, by key, in the order in which new ones are written. `inherits`: whether [DEFAULT]
   * gives every profile a security token, which botocore prefers to the session token.
   */
  readonly required: (inherits: boolean) => ReadonlyMap<string, string>;
}

const CREDENTIAL_KEYS = ['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token', SECURITY_TOKEN] as const;

/** Whether the key is one of those that sign. */
export function isCredentialKey(key: string | undefined): boolean {
  return CREDENTIAL_KEYS.some((one) => one === key);
}

export function awsKeys(credentials: Credentials, sink: AwsCredentialsSink, origin: Origin): AwsKeys {
  const token = plain('session token', credentials.sessionToken.reveal());
  const expiration = formatExpiration(credentials.expiration);
  const values = new Map<string, string | undefined>([
    ['aws_access_key_id', plain('access key id', credentials.accessKeyId)],
    ['aws_secret_access_key', plain('secret access key', credentials.secretAccessKey.reveal())],
    ['aws_session_token', token],
    [SECURITY_TOKEN, sink.securityToken === 'never' ? undefined : token],
    ...accountKey(credentials.accountId ?? origin.accountId, sink.accountId),
  ]);
  const isExpiration = expirations(sink);
  return {
    owns: (setting) => values.has(setting.key) || isExpiration(setting),
    lineFor: ({ name, key, value }) => {
      // Spelled as it stands, in the form in which it stands: so its reader wants it.
      if (!values.has(key)) return `${name} = ${followed(value, credentials.expiration) ?? expiration}`;
      const own = values.get(key);
      return own === undefined ? undefined : `${key} = ${own}`;
    },
    required: (inherits) => {
      const { expirationKey, securityToken: wish, accountId } = sink;
      const isLeftOut = (key: string): boolean =>
        (key === SECURITY_TOKEN && wish !== 'always' && !(wish === 'auto' && inherits)) ||
        (key === 'aws_account_id' && !accountId);
      const lines = [...values].flatMap(([key, value]) =>
        value === undefined || isLeftOut(key) ? [] : [[key, `${key} = ${value}`] as const],
      );
      const own =
        expirationKey === undefined ? [] : [[expirationKey.toLowerCase(), `${expirationKey} = ${expiration}`] as const];
      return new Map([...lines, ...own]);
    },
  };
}

/** What is to go when a profile is forgotten. An account id that we were not to write is the user's own. */
export function forgottenKeys(sink: AwsCredentialsSink): Owns {
  const isExpiration = expirations(sink);
  return (setting) =>
    isCredentialKey(setting.key) || (sink.accountId && setting.key === 'aws_account_id') || isExpiration(setting);
}

/** Rewritten where they stand, not removed: their readers see the truth. */
function expirations({ expirationKey }: AwsCredentialsSink): Owns {
  const configured = expirationKey?.toLowerCase();
  return ({ key, value }) => key === configured || (isExpirationKey(key) && followed(value, 0) !== undefined);
}

/** An account that we are to keep but do not know may be another one's; what we are not to keep stays, if it is not false. */
function accountKey(account: string | undefined, isKept: boolean): [string, string | undefined][] {
  if (account !== undefined) return [['aws_account_id', plain('account id', account)]];
  return isKept ? [['aws_account_id', undefined]] : [];
}
