import { formatExpiration } from '../../core/credentials.ts';

/**
 * Under these keys programs look for the end of the credentials beside them, in a profile, in variables (in capitals)
 * and in JSON (in any case, with or without underscores). No SDK does, but helpers, shell prompts and htslib do, and
 * act on a stale one.
 */
const EXPIRATION_KEYS: readonly string[] = [
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

/** The variables among them. */
export const EXPIRATION_VARIABLES: readonly string[] = EXPIRATION_KEYS.filter((key) => key.startsWith('aws_')).map(
  (key) => key.toUpperCase(),
);

const COMPACT: ReadonlySet<string> = new Set(EXPIRATION_KEYS.map(compact));

/** Whether a member of a JSON object, beside credentials, is when they end. */
export function isExpirationMember(key: string): boolean {
  return COMPACT.has(compact(key));
}

function compact(key: string): string {
  return key.replaceAll('_', '').toLowerCase();
}

/**
 * The expiration in the form in which one stands: RFC 3339, or seconds or milliseconds since 1970. Undefined when what
 * stands is another number, such as a duration, and so not ours.
 */
export function followed(standing: string, expiration: number): string | undefined {
  if (!/^\d+(\.\d+)?$/.test(standing)) return formatExpiration(expiration);
  const length = standing.split('.')[0]?.length;
  if (length === 13) return String(expiration);
  return length === 10 ? String(Math.floor(expiration / 1000)) : undefined;
}
