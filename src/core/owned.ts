import type { DotenvSink, JsonKeys } from './config.ts';

/** Names that a sink owns beside its configured ones, since readers prefer or obey them, and must not find them stale. */

/** The older name of the session token, which botocore prefers; in variables in capitals. */
export const SECURITY_TOKEN = 'aws_security_token';

/**
 * Under these keys programs look for the end of the credentials beside them, in a profile, in variables (in capitals)
 * and in JSON (in any case, with or without underscores). No SDK does, but helpers, shell prompts and htslib do, and
 * act on a stale one.
 */
export const EXPIRATION_KEYS: readonly string[] = [
  'x_security_token_expires',
  'aws_expiration',
  'aws_session_expiration',
  'aws_session_token_expiration',
  'aws_credential_expiration',
  'aws_credentials_expiration',
  'expiration',
  'expiry_time',
];

const KEYS: ReadonlySet<string> = new Set(EXPIRATION_KEYS);

/** Whether a key of a profile, in lower case, is one of them. */
export function isExpirationKey(key: string): boolean {
  return KEYS.has(key);
}

/** The variables that are of use beside ours, and that nobody is to find stale. */
const BESIDE = [SECURITY_TOKEN, ...EXPIRATION_KEYS.filter((key) => key.startsWith('aws_'))].map((key) =>
  key.toUpperCase(),
);

/** All variables that a sink owns: some of them are made by nobody. */
export function ownVariables({ prefix, names, others = [] }: DotenvSink): ReadonlySet<string> {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = names;
  const own = [
    accessKeyId,
    secretAccessKey,
    sessionToken,
    ...(expiration === null ? [] : [expiration]),
    ...others.map(({ key }) => key),
  ];
  return new Set([...own, ...BESIDE.map((name) => prefix + name)]);
}

const COMPACT: ReadonlySet<string> = new Set(EXPIRATION_KEYS.map(compact));

/** Whether a member of a JSON object, beside credentials, is when they end. */
export function isExpirationMember(key: string): boolean {
  return COMPACT.has(compact(key));
}

function compact(key: string): string {
  return key.replaceAll('_', '').toLowerCase();
}

export const SECRETS = ['access_key_id', 'secret_access_key', 'session_token'] as const;

/** The places in a JSON document of what signs. */
export function secretPlaces(keys: JsonKeys): (readonly string[])[] {
  return SECRETS.flatMap((field) => (keys[field] ? [keys[field]] : []));
}

/**
 * The first line of a file that we make, where its format has comments. Without brackets, quotes, `;` and `=`: PHP, which
 * has no such comments, would lose the file.
 */
export const MARKER = '# Kept by credrotate, changes to these keys are overwritten';
