import type { DotenvSink } from '../../../core/config.ts';
import { formatExpiration, type Credentials, type Origin } from '../../../core/credentials.ts';
import { ownVariables, SECURITY_TOKEN } from '../../../core/owned.ts';
import type { Forgotten, Rendered } from '../../contract.ts';
import { applyEdits, decodeText, rendered, startOf, withoutMarker, type Edit, type NewFile } from '../text.ts';
import { followed, plain } from '../values.ts';
import { readDotenv, type DotenvFile } from './lines.ts';
import type { Assignment } from './shell.ts';

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
    names: ownVariables(sink),
    valueOf: ({ name, value }) => {
      const own = keys.get(name) ?? (name === prefix + SECURITY_TOKEN.toUpperCase() ? token : undefined);
      if (own !== undefined) return own;
      return followed(value, credentials.expiration) ?? (name === names.expiration ? expiration : value);
    },
  };
}

/** Replaces the last line of each variable, removes earlier ones and adds what is missing. */
function mergeInto(existing: Buffer, { written, names, valueOf }: Variables, exportNew: boolean): NewFile {
  const { text, encoding, warnings } = decodeText(existing);
  const file = readDotenv(text, names);
  const { own, place } = file;
  const last = new Map(own.flatMap(({ assignments }) => assignments.map((one) => [one.name, one] as const)));
  const exported = new Set(own.flatMap((line) => [...line.exported]));
  const listEnd = exportNew ? undefined : listEndOf(file, exported);
  const isExported = listEnd === undefined && (exportNew || exportsNew(file, exported));
  const missing = [...written].filter(([name]) => !last.has(name));
  const unlisted = missing.filter(([name]) => !file.lists(name));
  const block = missing.map(([name, value]) => assign(name, value, isExported)).join('');
  // Below the last of ours.
  const anchor = own.findLast(({ assignments }) => assignments.length > 0) ?? own.at(-1);
  const edits = own.map((line): Edit => {
    const kept = line.assignments.filter((one) => last.get(one.name) === one);
    const lines = kept.map((one) => assign(one.name, valueOf(one), exported.has(one.name))).join('');
    return { start: line.line.start, end: line.line.next, text: lines + (line === anchor ? block : '') };
  });
  const newline = place > 0 && text[place - 1] !== '\n' ? '\n' : '';
  const addition = anchor || block === '' ? [] : [{ start: place, end: place, text: newline + block }];
  const more = unlisted.map(([name]) => ` ${name}`).join('');
  const listed = listEnd === undefined ? [] : [{ start: listEnd, end: listEnd, text: more }];
  const added = missing.length > 0 ? isExported || listEnd !== undefined : undefined;
  return {
    bytes: Buffer.from(applyEdits(text, [...edits, ...addition, ...listed]), encoding),
    warnings: [...warnings, ...readerWarnings(text, file, added, exportNew)],
  };
}

function lastName({ own }: DotenvFile): string | undefined {
  return own.findLast(({ assignments }) => assignments.length > 0)?.assignments.at(-1)?.name;
}

/**
 * Where the names of new variables go when the last of ours is exported by a list of names. An exported line would keep
 * them from systemd, which reads the others.
 */
function listEndOf(file: DotenvFile, exported: ReadonlySet<string>): number | undefined {
  const name = lastName(file);
  return name !== undefined && !exported.has(name) && file.lists(name) ? file.listEnd : undefined;
}

/** As the last variable of ours is, else as the others are. */
function exportsNew(file: DotenvFile, exported: ReadonlySet<string>): boolean {
  const name = lastName(file);
  return name === undefined ? file.exportsNew || exported.size > 0 : exported.has(name);
}

/** Ends with LF in a CRLF file too: a shell would take the CR as part of the value, and nobody needs it. */
function assign(name: string, value: string, isExported: boolean): string {
  return `${isExported ? 'export ' : ''}${name}=${value}\n`;
}

/** `added`: whether new lines are exported; undefined: there are none. */
function readerWarnings(text: string, file: DotenvFile, added: boolean | undefined, exportNew: boolean): string[] {
  const exported = new Set(file.own.flatMap((line) => [...line.exported]));
  const states = file.own.flatMap((line) =>
    line.assignments.map(({ name }) => ({
      line: line.line,
      isExported: line.isAllExported || exported.has(name) || file.lists(name),
    })),
  );
  const addedState = added === undefined ? [] : [added || file.own.at(-1)?.isAllExported === true];
  const isMixed = [...states.map(({ isExported }) => isExported), ...addedState].includes(true);
  const bare = states.find(({ isExported }) => !isExported);
  const kept = file.own.find((line) => line.exported.size > 0);
  return [
    ...(kept === undefined || exportNew
      ? []
      : [`line ${kept.line.number}: kept "export": systemd and docker do not read such a line`]),
    ...(bare === undefined || !isMixed
      ? []
      : [`line ${bare.line.number}: not exported, as others of ours are: what a shell starts gets a part of the keys`]),
    ...(text.includes('\r\n') ? ['some lines end with CRLF: a shell takes the CR as part of their values'] : []),
  ];
}

/** Takes our variables out of the file, or the whole file where that is ours. */
export function forgetDotenv(existing: Buffer, sink: DotenvSink): Forgotten {
  return rendered(() => {
    const { text, encoding, warnings } = decodeText(existing);
    const { own } = readDotenv(text, ownVariables(sink));
    const isOurs = own.length > 0 || (sink.only && text.trim() !== '');
    const edits = own.map(({ line }) => ({ start: line.start, end: line.next, text: '' }));
    const rest = sink.only ? undefined : withoutMarker(applyEdits(text, edits));
    return {
      bytes: !isOurs ? existing : rest === undefined ? undefined : Buffer.from(rest, encoding),
      keyIds: own
        .flatMap(({ assignments }) => assignments)
        .filter(({ name }) => name === sink.names.accessKeyId)
        .map(({ value }) => value),
      warnings: isOurs ? warnings : [],
    };
  });
}
