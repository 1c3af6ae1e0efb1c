import { isUtf8 } from 'node:buffer';
import type { JsonField, JsonKeys, JsonShape, JsonSink } from '../../../core/config.ts';
import { formatExpiration, type Credentials, type Origin } from '../../../core/credentials.ts';
import { SECRETS } from '../../../core/owned.ts';
import type { Rendered } from '../../contract.ts';
import { refusal, rendered, type NewFile } from '../text.ts';
import { printableText } from '../values.ts';
import { placeIntoJson, type Goal } from './place.ts';

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
  const { accessKeyId, secretAccessKey, sessionToken, expiration, accountId } = valuesOf(credentials, origin);
  const values = {
    Version: 1,
    Code: 'Success',
    LastUpdated: credentials.lastUpdated === undefined ? undefined : formatExpiration(credentials.lastUpdated),
    Type: 'AWS-HMAC',
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Token: sessionToken,
    Expiration: expiration,
    AccountId: accountId,
  };
  const members = shapes[shape]
    .filter((name) => values[name] !== undefined)
    .map((name) => `  "${name}" : ${JSON.stringify(values[name])}`);
  return `{\n${members.join(',\n')}\n}\n`;
}

function placeKeys(existing: Buffer, keys: JsonKeys, credentials: Credentials, origin: Origin): NewFile {
  const values = valuesOf(credentials, origin);
  const fields = Object.keys(values) as JsonField[]; // Object.keys knows no key types.
  const goals = fields.flatMap((field) => {
    const path = keys[field];
    return path === undefined ? [] : [{ path, value: values[field] ?? null, kind: kindOf(field) }];
  });
  const { text, warnings } = placeIntoJson(readDocument(existing), goals, credentials.expiration);
  return { bytes: Buffer.from(text), warnings };
}

function valuesOf(credentials: Credentials, origin: Origin): Readonly<Record<JsonField, string | undefined>> {
  const accountId = credentials.accountId ?? origin.accountId;
  return {
    accessKeyId: printableText('access key id', credentials.accessKeyId),
    secretAccessKey: printableText('secret access key', credentials.secretAccessKey.reveal()),
    sessionToken: printableText('session token', credentials.sessionToken.reveal()),
    expiration: formatExpiration(credentials.expiration),
    accountId: accountId && printableText('account id', accountId),
    role: origin.role && printableText('role', origin.role),
  };
}

function kindOf(field: JsonField): Goal['kind'] {
  if (field === 'expiration') return field;
  return SECRETS.some((one) => one === field) ? 'secret' : 'other';
}

/** An empty file is one that nothing was written to yet. */
export function readDocument(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw refusal('the file: expected UTF-8, got something else', 'save it as UTF-8');
  const text = bytes.toString();
  return /^\uFEFF?[ \t\r\n]*$/.test(text) ? text.replace(/[ \t\r\n]*$/, '{}\n') : text;
}
