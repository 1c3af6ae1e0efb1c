import type { DotenvSink } from '../../core/config.ts';
import { formatExpiration } from '../../core/credentials.ts';
import type { Credentials, Origin } from '../../core/credentials.ts';
import type { Rendered } from '../contract.ts';
import { findAssignments } from './dotenv-lines.ts';
import type { Assignment } from './dotenv-lines.ts';
import { plain } from './plain.ts';
import { rendered } from './refusal.ts';
import type { NewFile } from './refusal.ts';
import { applyEdits, decodeText } from './text.ts';

/** Unquoted `NAME=value` lines, the one form that every reader takes alike; the other lines of the file stay. */
export function renderDotenv(
  existing: Buffer | undefined,
  credentials: Credentials,
  sink: DotenvSink,
  _origin: Origin,
): Rendered {
  return rendered(() => mergeInto(sink.only ? undefined : existing, variablesOf(credentials, sink), sink.export));
}

interface Variables {
  readonly written: ReadonlyMap<string, string>;
  /** Not written, but never left stale where they stand: SDKs would trust them. */
  readonly followed: ReadonlyMap<string, string>;
}

/** Written where they stand, and made by nobody: botocore prefers the token to ours; past the expiration, SDKs refuse. */
export function followedNames({ prefix }: DotenvSink): { readonly token: string; readonly expiration: string } {
  return { token: `${prefix}AWS_SECURITY_TOKEN`, expiration: `${prefix}AWS_CREDENTIAL_EXPIRATION` };
}

function variablesOf(credentials: Credentials, sink: DotenvSink): Variables {
  const { names } = sink;
  const token = plain('session token', credentials.sessionToken.reveal());
  const expiration = formatExpiration(credentials.expiration);
  const written = new Map([
    [names.accessKeyId, plain('access key id', credentials.accessKeyId)],
    [names.secretAccessKey, plain('secret access key', credentials.secretAccessKey.reveal())],
    [names.sessionToken, token],
  ]);
  if (names.expiration !== null) written.set(names.expiration, expiration);
  const followed = followedNames(sink);
  return {
    written,
    followed: new Map([
      [followed.token, token],
      [followed.expiration, expiration],
    ]),
  };
}

/** Replaces the last line of each variable, removes earlier ones and appends what is missing. */
function mergeInto(existing: Buffer = Buffer.alloc(0), { written, followed }: Variables, exportNew: boolean): NewFile {
  const { text, encoding, warnings } = decodeText(existing);
  const values = new Map([...followed, ...written]);
  const found = findAssignments(text, new Set(values.keys()));
  const standing = new Map(found.map((assignment) => [assignment.name, assignment]));
  const edits = found.map((assignment) => {
    const { name, line, isExported } = assignment;
    const replacement = standing.get(name) === assignment ? assign(name, values.get(name), isExported) : '';
    return { start: line.start, end: line.next, text: replacement };
  });
  const merged = applyEdits(text, edits);
  const missing = [...written].filter(([name]) => !standing.has(name));
  const block = missing.map(([name, value]) => assign(name, value, exportNew)).join('');
  const newline = block === '' || merged === '' || merged.endsWith('\n') ? '' : '\n';
  return {
    bytes: Buffer.from(merged + newline + block, encoding),
    warnings: [...warnings, ...readerWarnings(text, exportNew ? [] : [...standing.values()])],
  };
}

/** Ends with LF in a CRLF file too: a shell would take the CR as part of the value, and nobody needs it. */
function assign(name: string, value: string | undefined, isExported: boolean): string {
  return value === undefined ? '' : `${isExported ? 'export ' : ''}${name}=${value}\n`;
}

function readerWarnings(text: string, standing: readonly Assignment[]): string[] {
  const exported = standing.find(({ isExported }) => isExported);
  return [
    ...(exported === undefined
      ? []
      : [`line ${exported.line.number}: kept "export": systemd and docker do not read such a line`]),
    ...(text.includes('\r\n') ? ['some lines end with CRLF: a shell takes the CR as part of their values'] : []),
  ];
}
