import { isUtf8 } from 'node:buffer';
import type { JsonField, JsonKeys, JsonShape, JsonSink } from '../../core/config.ts';
import { formatExpiration } from '../../core/credentials.ts';
import type { Credentials, Origin } from '../../core/credentials.ts';
import type { Rendered } from '../contract.ts';
import { placeIntoJson } from './json-keys.ts';
import { refusal, rendered } from './refusal.ts';
import type { NewFile } from './refusal.ts';

/** A whole document of a known shape, or single values in a document that is somebody else's. */
export function renderJson(
  existing: Buffer | undefined,
  credentials: Credentials,
  { content }: JsonSink,
  origin: Origin,
): Rendered {
  return rendered(() =>
    'shape' in content
      ? { bytes: Buffer.from(shapedDocument(content.shape, credentials, origin)), warnings: [] }
      : placeKeys(existing ?? Buffer.alloc(0), content.keys, credentials, origin),
  );
}

const imds = ['Code', 'LastUpdated', 'Type', 'AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration'] as const;
const shapes = {
  imds,
  process: ['Version', 'AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration', 'AccountId'],
  container: ['AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration', 'AccountId'],
  superset: [
    'Version',
    'Code',
    'LastUpdated',
    'Type',
    'AccessKeyId',
    'SecretAccessKey',
    'SessionToken',
    'Token',
    'Expiration',
    'AccountId',
  ],
} as const satisfies Record<JsonShape, readonly string[]>;

/** Laid out as the metadata service does, blanks around the colon included: some readers are made of grep and sed. */
function shapedDocument(shape: JsonShape, credentials: Credentials, origin: Origin): string {
  const values = {
    Version: 1,
    Code: 'Success',
    LastUpdated: credentials.lastUpdated === undefined ? undefined : formatExpiration(credentials.lastUpdated),
    Type: 'AWS-HMAC',
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey.reveal(),
    SessionToken: credentials.sessionToken.reveal(),
    Token: credentials.sessionToken.reveal(),
    Expiration: formatExpiration(credentials.expiration),
    AccountId: credentials.accountId ?? origin.accountId,
  };
  const members = shapes[shape]
    .filter((name) => values[name] !== undefined)
    .map((name) => `  "${name}" : ${JSON.stringify(values[name])}`);
  return `{\n${members.join(',\n')}\n}\n`;
}

function placeKeys(existing: Buffer, keys: JsonKeys, credentials: Credentials, origin: Origin): NewFile {
  const values: Record<JsonField, string | undefined> = {
    accessKeyId: credentials.accessKeyId,
    secretAccessKey: credentials.secretAccessKey.reveal(),
    sessionToken: credentials.sessionToken.reveal(),
    expiration: formatExpiration(credentials.expiration),
    accountId: credentials.accountId ?? origin.accountId,
    role: origin.role,
  };
  const fields = Object.keys(values) as JsonField[]; // Object.keys knows no key types.
  const goals = fields.flatMap((field) => {
    const path = keys[field];
    return path === undefined ? [] : [{ path, value: values[field] ?? null }];
  });
  const { text, warnings } = placeIntoJson(readDocument(existing), goals);
  return { bytes: Buffer.from(text), warnings };
}

/** An empty file is one that nothing was written to yet. */
export function readDocument(bytes: Buffer): string {
  const text = bytes.toString();
  if (!isUtf8(bytes) || text.startsWith('\uFEFF')) {
    throw refusal('the file: expected UTF-8 without a byte order mark, got something else', 'save it as plain UTF-8');
  }
  return /^[ \t\r\n]*$/.test(text) ? '{}\n' : text;
}
