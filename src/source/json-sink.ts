import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { formatExpiration, type Credentials } from '../core/credentials.ts';
import { AgentError, describeForeign, isErrno } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import { parseFields, parseRfc3339, type Fields } from './json.ts';

/**
 * The credentials in a document of any shape that a json sink has: that of the metadata service, of
 * `credential_process`, of containers, or of all at once. Throws SINK_FORMAT_REFUSED or CREDENTIALS_EXPIRED.
 */
export function parseJsonSink(path: string, bytes: Buffer, now: number): Credentials {
  const fields = parseFields(bytes);
  if (fields === undefined) throw unlike(path, 'a JSON object', 'something else');
  refuseOthers(path, fields);
  const expiration = parseRfc3339(requireText(path, fields, 'Expiration'));
  if (expiration === undefined) throw unlike(path, 'Expiration as an RFC 3339 time', 'something else');
  const credentials: Credentials = {
    accessKeyId: requireText(path, fields, 'AccessKeyId'),
    secretAccessKey: new Secret(requireText(path, fields, 'SecretAccessKey')),
    sessionToken: new Secret(requireText(path, fields, ...tokenNames(path, fields))),
    expiration,
    ...moreOf(path, fields),
  };
  if (expiration <= now) throw expired(path, expiration);
  return credentials;
}

function refuseOthers(path: string, fields: Fields): void {
  const code = fields.get('code') ?? 'Success';
  if (code !== 'Success') throw unlike(path, 'Code Success', 'another');
  const version = fields.get('version') ?? 1;
  if (version !== 1) throw unlike(path, 'Version 1', 'another');
}

/** Two names for one thing; where both stand, they must agree. */
function tokenNames(path: string, fields: Fields): readonly [string, ...string[]] {
  const [token, session] = [fields.get('token'), fields.get('sessiontoken')];
  if (token !== undefined && session !== undefined && token !== session) {
    throw unlike(path, 'one session token', 'two that differ');
  }
  return session === undefined ? ['Token', 'SessionToken'] : ['SessionToken'];
}

function moreOf(path: string, fields: Fields): Pick<Credentials, 'lastUpdated' | 'accountId'> {
  const made = fields.get('lastupdated');
  const lastUpdated = typeof made === 'string' ? parseRfc3339(made) : undefined;
  return {
    ...(lastUpdated !== undefined && { lastUpdated }),
    ...(fields.has('accountid') && { accountId: requireText(path, fields, 'AccountId') }),
  };
}

/** Visible ASCII and nothing else: it ends up in the environment, and in what a shell evaluates. */
function requireText(path: string, fields: Fields, ...names: readonly [string, ...string[]]): string {
  const value = names.map((name) => fields.get(name.toLowerCase())).find((found) => found !== undefined);
  if (typeof value === 'string' && /^[\x21-\x7e]+$/.test(value)) return value;
  throw unlike(
    path,
    `the field ${names.join(' or ')} in visible ASCII`,
    value === undefined ? 'none' : 'another value',
  );
}

function unlike(path: string, expected: string, got: string): AgentError {
  return new AgentError('SINK_FORMAT_REFUSED', `${path}: expected ${expected}, got ${got}`, {
    hint: 'name a sink of format json with a shape (imds, process, container or superset)',
  });
}

function expired(path: string, expiration: number): AgentError {
  const message = `${path}: expected credentials that are good, got some that expired at ${formatExpiration(expiration)}`;
  return new AgentError('CREDENTIALS_EXPIRED', message, {
    hint: 'nothing keeps this file fresh any more: credrotate status says why',
  });
}

/** Our own are below 3 KiB. */
const MAX_BYTES = 65_536;

/**
 * The credentials that a json sink holds, judged at `now` (epoch milliseconds). It is read like any reader would, with
 * our own rights; what is no regular file cannot make us wait. Rejects with an AgentError that quotes nothing of it.
 */
export async function readJsonSink(path: string, now: number): Promise<Credentials> {
  return parseJsonSink(path, await readSmall(path), now);
}

async function readSmall(path: string): Promise<Buffer> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    if (!(await file.stat()).isFile()) throw refused(path, 'a regular file', 'something else');
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    if (bytesRead > MAX_BYTES) throw refused(path, `at most ${MAX_BYTES} bytes`, 'more');
    return bytes.subarray(0, bytesRead);
  } catch (error) {
    if (error instanceof AgentError) throw error;
    const hint = isErrno(error, 'ENOENT') ? 'name a sink of format json that stands' : 'see who may read it: ls -lL';
    const message = `${path}: expected to read the sink, got ${describeForeign(error)}`;
    throw new AgentError('SINK_UNREADABLE', message, { hint });
  }
}

function refused(path: string, expected: string, got: string): AgentError {
  const hint = 'name a sink of format json';
  return new AgentError('SINK_NOT_REGULAR', `${path}: expected ${expected}, got ${got}`, { hint });
}
