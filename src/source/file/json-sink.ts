import { formatExpiration, type Credentials } from '../../core/credentials.ts';
import { AgentError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import { parseFields, type Fields } from '../imds/json.ts';
import { parseRfc3339 } from '../imds/rfc3339.ts';

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
