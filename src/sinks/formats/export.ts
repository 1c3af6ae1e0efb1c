import { formatExpiration, type Credentials, type Origin } from '../../core/credentials.ts';
import { shapedDocument } from './json/render.ts';

/** Named as in `aws configure export-credentials`, which has no `fish` and no `json`. */
export const EXPORT_FORMATS = ['process', 'env', 'env-no-export', 'fish', 'json'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** The variables that SDKs read, in the order of `aws configure export-credentials`. */
export function environmentOf(credentials: Credentials): Readonly<Record<string, string>> {
  return {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey.reveal(),
    AWS_SESSION_TOKEN: credentials.sessionToken.reveal(),
    AWS_CREDENTIAL_EXPIRATION: formatExpiration(credentials.expiration),
  };
}

/** The credentials as text for another program: a document, or lines that a shell can evaluate. */
export function exportText(format: ExportFormat, credentials: Credentials, origin: Origin): string {
  if (format === 'process') return shapedDocument('process', credentials, origin);
  if (format === 'json') return shapedDocument('superset', credentials, origin);
  return Object.entries(environmentOf(credentials))
    .map(([name, value]) => `${LINES[format](name, value)}\n`)
    .join('');
}

const LINES: Readonly<Record<Exclude<ExportFormat, 'process' | 'json'>, (name: string, value: string) => string>> = {
  env: (name, value) => `export ${name}=${quoted(value, "'\\''")}`,
  'env-no-export': (name, value) => `${name}=${quoted(value, "'\\''")}`,
  fish: (name, value) => `set -gx ${name} ${quoted(value.replaceAll('\\', '\\\\'), "\\'")}`,
};

/** Words that no shell changes are written bare, since more programs than shells read such lines. */
function quoted(value: string, quote: string): string {
  return /^[A-Za-z0-9+/=_.:@,-]+$/.test(value) ? value : `'${value.replaceAll("'", quote)}'`;
}
