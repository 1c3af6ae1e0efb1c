import type { FileConfig } from '../../core/config.ts';
import { EXPIRATION_KEYS, SECURITY_TOKEN } from '../../core/owned.ts';
import { readSections } from './aws/sections.ts';
import { readVariables } from './dotenv/render.ts';
import { decodeText, refusal } from './text.ts';

/** The names of a field of credentials in files of others, in the order in which they count. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  accesskeyid: ['aws_access_key_id'],
  secretaccesskey: ['aws_secret_access_key'],
  sessiontoken: ['aws_session_token', SECURITY_TOKEN],
  accountid: ['aws_account_id'],
  expiration: EXPIRATION_KEYS,
};

const ALL: ReadonlySet<string> = new Set(Object.values(NAMES).flat());

/**
 * The credentials in a file that somebody else keeps, by the names of a JSON document in lower case. Pure. Throws a
 * refusal, which quotes nothing of it, where readers do not agree on the file.
 */
export function readFields(
  bytes: Buffer,
  { format, profile }: Pick<FileConfig, 'format' | 'profile'>,
): ReadonlyMap<string, string> {
  const { text } = decodeText(bytes);
  const values = format === 'dotenv' ? variablesIn(text) : profileIn(text, profile);
  const fields = Object.entries(NAMES).flatMap(([field, names]) => {
    const value = names.map((name) => values.get(name)).find(Boolean);
    return value === undefined ? [] : [[field, value] as const];
  });
  return new Map(fields);
}

/** Variables are the keys of a profile in capitals; one that does not begin with AWS_ may be anything. */
function variablesIn(text: string): ReadonlyMap<string, string> {
  const names = [...ALL].filter((name) => name.startsWith('aws_')).map((name) => name.toUpperCase());
  const found = readVariables(text, new Set(names));
  return new Map([...found].map(([name, value]) => [name.toLowerCase(), value]));
}

/** Of a profile that comes twice the later values count, as for most readers. */
function profileIn(text: string, profile: string): ReadonlyMap<string, string> {
  const { exact } = readSections(text, profile, ({ key }) => ALL.has(key));
  if (exact.length === 0) throw refusal(`expected the profile ${profile}, got none of this name`, 'correct profile:');
  return new Map(exact.flatMap(({ owned }) => owned.map(({ key, value }) => [key, value] as const)));
}
