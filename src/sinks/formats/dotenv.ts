import type { DotenvSink } from '../../core/config.ts';
import { formatExpiration } from '../../core/credentials.ts';
import type { Credentials, Origin } from '../../core/credentials.ts';
import type { Rendered } from '../contract.ts';
import type { Assignment } from './dotenv-assignments.ts';
import { readDotenv, type DotenvFile, type OwnLine } from './dotenv-lines.ts';
import { EXPIRATION_VARIABLES, followed } from './expirations.ts';
import { startOf } from './marker.ts';
import { plain } from './plain.ts';
import { rendered } from './refusal.ts';
import type { NewFile } from './refusal.ts';
import { applyEdits, decodeText, type Edit } from './text.ts';

/** Unquoted `NAME=value` lines, the one form that every reader takes alike; the other lines of the file stay. */
export function renderDotenv(
  existing: Buffer | undefined,
  credentials: Credentials,
  sink: DotenvSink,
  _origin: Origin,
): Rendered {
  return rendered(() => {
    const variables = variablesOf(credentials, sink);
    if (!sink.only) return mergeInto(existing ?? startOf(sink), variables, sink.export);
    const start = startOf(sink);
    const whole = mergeInto(start, variables, sink.export);
    // Whoever removes our first line has not changed what the file says.
    return existing?.equals(whole.bytes.subarray(start.length)) ? { bytes: existing, warnings: [] } : whole;
  });
}

interface Variables {
  /** In the order in which new ones are written. */
  readonly written: ReadonlyMap<string, string>;
  /** All that are ours: those, and others that are never left stale where they stand. */
  readonly names: ReadonlySet<string>;
  /** What a variable of ours must say where it stands. */
  readonly valueOf: (standing: Assignment) => string;
}

/** The variables that are ours. Some are made by nobody: botocore prefers one, and programs go by the expirations. */
export function namesOf({ prefix, names }: DotenvSink): ReadonlySet<string> {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = names;
  const own = [accessKeyId, secretAccessKey, sessionToken, ...(expiration === null ? [] : [expiration])];
  return new Set([...own, ...[SECURITY_TOKEN, ...EXPIRATION_VARIABLES].map((name) => prefix + name)]);
}

const SECURITY_TOKEN = 'AWS_SECURITY_TOKEN';

function variablesOf(credentials: Credentials, sink: DotenvSink): Variables {
  const { names, prefix } = sink;
  const token = plain('session token', credentials.sessionToken.reveal());
  const expiration = formatExpiration(credentials.expiration);
  const keys = new Map([
    [names.accessKeyId, plain('access key id', credentials.accessKeyId)],
    [names.secretAccessKey, plain('secret access key', credentials.secretAccessKey.reveal())],
    [names.sessionToken, token],
  ]);
  return {
    written: new Map([...keys, ...(names.expiration === null ? [] : [[names.expiration, expiration] as const])]),
    names: namesOf(sink),
    valueOf: ({ name, value }) => {
      const own = keys.get(name) ?? (name === prefix + SECURITY_TOKEN ? token : undefined);
      if (own !== undefined) return own;
      return followed(value, credentials.expiration) ?? (name === names.expiration ? expiration : value);
    },
  };
}

/** Replaces the last line of each variable, removes earlier ones and adds what is missing. */
function mergeInto(existing: Buffer, { written, names, valueOf }: Variables, exportNew: boolean): NewFile {
  const { text, encoding, warnings } = decodeText(existing);
  const file = readDotenv(text, names);
  const last = new Map(file.own.flatMap(({ assignments }) => assignments.map((one) => [one.name, one] as const)));
  const isExported = exportNew || exportsNew(file);
  const missing = [...written].filter(([name]) => !last.has(name));
  const block = missing.map(([name, value]) => assign(name, value, isExported)).join('');
  const edits = file.own.map(({ line, assignments }, index): Edit => {
    const kept = assignments.filter((one) => last.get(one.name) === one);
    const lines = kept.map((one) => assign(one.name, valueOf(one), one.isExported)).join('');
    return { start: line.start, end: line.next, text: lines + (index === file.own.length - 1 ? block : '') };
  });
  const { place } = file;
  const newline = place > 0 && text[place - 1] !== '\n' ? '\n' : '';
  const addition = file.own.length > 0 || block === '' ? [] : [{ start: place, end: place, text: newline + block }];
  return {
    bytes: Buffer.from(applyEdits(text, [...edits, ...addition]), encoding),
    warnings: [...warnings, ...readerWarnings(text, file, missing.length > 0 ? isExported : undefined, exportNew)],
  };
}

/** Below the last line of ours as it is, else as the others are. */
function exportsNew({ own, exportsNew: byOthers, lists }: DotenvFile): boolean {
  const last = own.at(-1)?.assignments.at(-1);
  return last === undefined ? byOthers : last.isExported || lists(last.name);
}

/** Ends with LF in a CRLF file too: a shell would take the CR as part of the value, and nobody needs it. */
function assign(name: string, value: string, isExported: boolean): string {
  return `${isExported ? 'export ' : ''}${name}=${value}\n`;
}

/** `added`: whether new lines are exported; undefined: there are none. */
function readerWarnings(text: string, file: DotenvFile, added: boolean | undefined, exportNew: boolean): string[] {
  const exported = file.own.find(({ assignments }) => assignments.some((one) => one.isExported));
  const bare = file.own.find((line) => !isExported(file, line));
  const isMixed = [...file.own.map((line) => isExported(file, line)), ...addedState(file, added)].includes(true);
  return [
    ...(exported === undefined || exportNew
      ? []
      : [`line ${exported.line.number}: kept "export": systemd and docker do not read such a line`]),
    ...(bare === undefined || !isMixed
      ? []
      : [
          `line ${bare.line.number}: not exported, as others of ours are: what a shell starts gets only a part of the keys`,
        ]),
    ...(text.includes('\r\n') ? ['some lines end with CRLF: a shell takes the CR as part of their values'] : []),
  ];
}

function isExported({ lists }: DotenvFile, { assignments, isAllExported }: OwnLine): boolean {
  return isAllExported || assignments.every((one) => one.isExported || lists(one.name));
}

function addedState({ own }: DotenvFile, added: boolean | undefined): boolean[] {
  return added === undefined ? [] : [added || own.at(-1)?.isAllExported === true];
}
