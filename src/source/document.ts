import { attempt } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { Credentials } from '../core/credentials.ts';

/** Values by the name of their key in lower case. */
export type Fields = ReadonlyMap<string, unknown>;

/** The value where keys that differ only in case have different values: none of them counts. */
const AMBIGUOUS = Symbol('ambiguous');

/** The error of whoever reads a document. It never quotes the document. */
export type Refuse = (expected: string, got: string) => Error;

/**
 * The fields of a JSON object, whose keys have been seen in several spellings. Undefined for anything else: another
 * value, bytes that are not UTF-8, data after the object.
 */
export function parseFields(body: Buffer): Fields | undefined {
  return fieldsOf(parseJson(body));
}

function fieldsOf(value: unknown): Fields | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const fields = new Map<string, unknown>();
  for (const [key, field] of Object.entries(value)) {
    const name = key.toLowerCase();
    fields.set(name, fields.has(name) && fields.get(name) !== field ? AMBIGUOUS : field);
  }
  return fields;
}

/** The parser's own error quotes what it read, and so is dropped. */
function parseJson(body: Buffer): unknown {
  return attempt(() => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown, undefined);
}

/**
 * The credentials in the JSON document of the metadata service, of `credential_process` or of a container, whether or
 * not they have expired. `tokenNames`: the fields that may hold the session token. `unknown`: the expiration of those
 * that have none; unset: they must have one. Throws what `refuse` makes.
 */
export function credentialsIn(
  fields: Fields,
  tokenNames: readonly string[],
  refuse: Refuse,
  unknown?: number,
): Credentials {
  const accessKeyId = requireText(fields, 'AccessKeyId', refuse);
  const secretAccessKey = new Secret(requireText(fields, 'SecretAccessKey', refuse));
  const sessionToken = new Secret(requireToken(fields, tokenNames, refuse));
  const lastUpdated = fields.get('lastupdated');
  const made = typeof lastUpdated === 'string' ? parseRfc3339(lastUpdated) : undefined;
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken,
    ...expirationIn(fields, refuse, unknown),
    ...(made !== undefined && { lastUpdated: made }),
    ...(hasText(fields, 'AccountId') && { accountId: requireText(fields, 'AccountId', refuse) }),
  };
}

/** The credentials that a document of any of these shapes holds. As above. */
export function credentialsInJson(body: Buffer, refuse: Refuse, unknown?: number): Credentials {
  const outer = parseFields(body);
  // As the caches of the AWS CLI have it.
  const fields = fieldsOf(outer?.get('credentials')) ?? outer;
  if (fields === undefined) throw refuse('a JSON object', 'something else');
  if ((fields.get('code') ?? 'Success') !== 'Success') throw refuse('Code Success', 'another');
  if ((fields.get('version') ?? 1) !== 1) throw refuse('Version 1', 'another');
  return credentialsIn(fields, ['Token', 'SessionToken'], refuse, unknown);
}

/** Go writes this for a time that it does not know. */
const NO_TIME = '0001-01-01T00:00:00Z';

function expirationIn(
  fields: Fields,
  refuse: Refuse,
  unknown: number | undefined,
): Pick<Credentials, 'expiration' | 'endsUnknown'> {
  const given = fields.get('expiration') ?? NO_TIME;
  if (unknown !== undefined && given === NO_TIME) return { expiration: unknown, endsUnknown: true };
  const expiration = parseRfc3339(requireText(fields, 'Expiration', refuse));
  if (expiration === undefined) throw refuse('Expiration as an RFC 3339 time', 'something else');
  return { expiration };
}

/** Where several names have a token, it must be the same. */
function requireToken(fields: Fields, names: readonly string[], refuse: Refuse): string {
  const there = names.filter((name) => hasText(fields, name));
  const [token, ...others] = new Set(there.map((name) => requireText(fields, name, refuse)));
  if (others.length > 0) throw refuse('one session token', 'two that differ');
  return token ?? requireText(fields, names.join(' or '), refuse);
}

/**
 * Visible ASCII and nothing else. Keys and tokens are made of it, and a line break or a terminal's control sequence
 * would become part of the files that we write, or of what a shell evaluates.
 */
export function requireText(fields: Fields, name: string, refuse: Refuse): string {
  const value = fields.get(name.toLowerCase());
  if (value === undefined || value === null) throw refuse(`the field ${name}`, 'none');
  if (value === AMBIGUOUS) throw refuse(`one value for ${name}`, 'several');
  if (typeof value !== 'string') throw refuse(`${name} as a string`, Array.isArray(value) ? 'array' : typeof value);
  if (value === '') throw refuse(`${name} with a value`, 'an empty one');
  if (!/^[\x21-\x7e]+$/.test(value)) throw refuse(`${name} in visible ASCII`, 'other characters in it');
  return value;
}

function hasText(fields: Fields, name: string): boolean {
  const value = fields.get(name.toLowerCase());
  return value !== undefined && value !== null && value !== '';
}

const RFC3339 = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):?(\d\d))$/i;

/**
 * A date-time of RFC 3339 (also with `+0000` for its offset) as epoch milliseconds; what is finer is cut off.
 * Undefined for anything else, such as dates that do not exist and times without an offset.
 */
export function parseRfc3339(text: string): number | undefined {
  const [, date = '', time = '', fraction = '', sign, hours = '00', minutes = '00'] = RFC3339.exec(text) ?? [];
  const utc = `${date}T${time}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
  const epochMs = Date.parse(utc);
  // The platform's parser takes 31 February for 3 March, and 24:00 for the next day.
  if (Number.isNaN(epochMs) || new Date(epochMs).toISOString() !== utc) return undefined;
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === '-' ? epochMs + offset : epochMs - offset;
}
