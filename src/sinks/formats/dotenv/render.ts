import type { DotenvSink } from '../../../core/config.ts';
import { formatExpiration, type Credentials, type Origin } from '../../../core/credentials.ts';
import { ownVariables, SECURITY_TOKEN } from '../../../core/owned.ts';
import type { Format, NewFile } from '../../contract.ts';
import { plainValues } from '../fields.ts';
import {
  applyEdits,
  cutLine,
  decodeText,
  followed,
  leftOf,
  lineNumberAt,
  linesOf,
  MAX_LINES,
  plain,
  startOf,
  type Edit,
  type Line,
} from '../text.ts';
import {
  exportList,
  isEscaped,
  parseAssignment,
  parseOwn,
  ShellReader,
  unclear,
  type ShellAssignment,
  type OwnLine,
  type ParsedAssignment,
} from './shell.ts';

/** Unquoted `NAME=value` lines, the one form that every reader takes alike; the other lines of the file stay. */
export const dotenv: Format<DotenvSink> = {
  render: (existing, credentials, sink, origin) => {
    const variables = variablesOf(credentials, sink, origin);
    if (!sink.only) return mergeInto(existing ?? startOf(sink), variables, sink.export);
    const start = startOf(sink);
    const whole = mergeInto(start, variables, sink.export);
    // Without our first line the file still says the same.
    return existing?.equals(whole.bytes.subarray(start.length)) ? { bytes: existing, warnings: [] } : whole;
  },
  forget: (existing, sink) => {
    const file = decodeText(existing);
    const { own } = readDotenv(file.text, ownVariables(sink));
    const edits = own.map(({ line }) => cutLine(line));
    const ids = own.flatMap(({ assignments }) => assignments).filter(({ name }) => name === sink.names.accessKeyId);
    const keyIds = ids.map(({ value }) => value);
    const isAllOurs = sink.only && file.text.trim() !== '';
    return isAllOurs ? { bytes: undefined, keyIds, warnings: file.warnings } : leftOf(existing, file, edits, keyIds);
  },
};

interface Variables {
  /** In the order in which new ones are written. */
  readonly written: ReadonlyMap<string, string>;
  /** All variables that are ours: those, and others that are never left stale. */
  readonly names: ReadonlySet<string>;
  /** The value that an existing variable of ours must have. */
  readonly valueOf: (existing: ShellAssignment) => string;
}

function variablesOf(credentials: Credentials, sink: DotenvSink, origin: Origin): Variables {
  const { names, others = [], prefix } = sink;
  const token = plain('session token', credentials.sessionToken.reveal());
  const expiration = formatExpiration(credentials.expiration);
  const keys = new Map([
    [names.accessKeyId, plain('access key id', credentials.accessKeyId)],
    [names.secretAccessKey, plain('secret access key', credentials.secretAccessKey.reveal())],
    [names.sessionToken, token],
    ...plainValues(others, credentials, origin),
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
  const { own, place, exported, others } = file;
  const last = new Map(own.flatMap(({ assignments }) => assignments.map((one) => [one.name, one] as const)));
  const [anchor, lastName] = lastOf(own);
  const listEnd = exportNew ? undefined : listEndOf(file, lastName);
  const isExported = listEnd === undefined && (exportNew || exportsNew(file, lastName));
  const missing = [...written].filter(([name]) => !last.has(name));
  const unlisted = missing.filter(([name]) => !others.lists(name));
  const block = missing.map(([name, value]) => assign(name, value, isExported)).join('');
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

/** The line of ours below which new ones go, and the variable that is set last. */
function lastOf(own: readonly StandingLine[]): readonly [StandingLine | undefined, string | undefined] {
  const anchor = own.findLast(({ assignments }) => assignments.length > 0) ?? own.at(-1);
  return [anchor, anchor?.assignments.at(-1)?.name];
}

/**
 * Where the names of new variables go when the last of ours is exported by a list of names. An exported line would keep
 * them from systemd, which reads the others.
 */
function listEndOf({ exported, others }: DotenvFile, name: string | undefined): number | undefined {
  return name !== undefined && !exported.has(name) && others.lists(name) ? others.listEnd : undefined;
}

/** As the last variable of ours is, else as the others are. */
function exportsNew({ exported, others }: DotenvFile, name: string | undefined): boolean {
  return name === undefined ? others.exportsNew || exported.size > 0 : exported.has(name);
}

/** Ends with LF in a CRLF file too: a shell would take the CR as part of the value, and nobody needs it. */
function assign(name: string, value: string, isExported: boolean): string {
  return `${isExported ? 'export ' : ''}${name}=${value}\n`;
}

/** `added`: whether new lines are exported; undefined: there are none. */
function readerWarnings(
  text: string,
  { own, exported, others }: DotenvFile,
  added: boolean | undefined,
  exportNew: boolean,
): string[] {
  const states = own.flatMap(({ line, assignments, isAllExported }) =>
    assignments.map(({ name }) => ({ line, isExported: isAllExported || exported.has(name) || others.lists(name) })),
  );
  const addedState = added === undefined ? [] : [added || own.at(-1)?.isAllExported === true];
  const isMixed = [...states.map(({ isExported }) => isExported), ...addedState].includes(true);
  const bare = states.find(({ isExported }) => !isExported);
  const kept = own.find((line) => line.exported.size > 0);
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

/** The values of these variables in a dotenv file: of each the last. Throws a refusal where readers do not agree on them. */
export function readVariables(text: string, names: ReadonlySet<string>): ReadonlyMap<string, string> {
  const found = readDotenv(text, names).own.flatMap(({ assignments }) => assignments);
  return new Map(found.map(({ name, value }) => [name, value]));
}

/** The variables of ours in a dotenv file. */
interface DotenvFile {
  /** The lines of ours, in file order; a variable may come several times. */
  readonly own: readonly StandingLine[];
  /** Where new lines go when there are none. */
  readonly place: number;
  /** Variables of ours that these lines export. */
  readonly exported: ReadonlySet<string>;
  /** The other lines' effect on variables, ours and theirs. */
  readonly others: Pick<ShellReader, 'exportsNew' | 'lists' | 'listEnd'>;
}

interface StandingLine extends OwnLine {
  readonly line: Line;
  /** Whether a shell exports all that is set here (`set -a`). */
  readonly isAllExported: boolean;
}

/**
 * Throws a refusal where readers do not agree on which lines set a variable of ours, or on what a line after the last
 * one would mean.
 */
function readDotenv(text: string, names: ReadonlySet<string>): DotenvFile {
  refuseUnicodeLineEnds(text);
  const own: StandingLine[] = [];
  const shell = new ShellReader(names);
  let quotedTo = -1;
  // A shell takes such a line and the next as one, systemd one with a backslash, Node one with blanks behind `=`.
  let joined: Line | undefined;
  for (const line of linesOf(text)) {
    const isQuoted = line.start <= quotedTo;
    if (!isQuoted && shell.passes(line)) continue;
    const set = parseAssignment(line.text);
    if (!isQuoted) quotedTo = quoteEnd(text, line, set);
    const isOurs = isOwn(line, set, isQuoted, names);
    if (isOurs) {
      if (joined?.next === line.start) throw unclear(joined, 'a line of its own before a variable of ours', JOINED);
      refuseQuoted(line, isQuoted, quotedTo);
      if (own.length === MAX_LINES) throw unclear(line, `at most ${MAX_LINES} lines of ours`, 'more');
      shell.requireReached(line);
      own.push({ line, ...parseOwn(line, names), isAllExported: shell.exportsAll });
    } else if (isQuoted) shell.goOn(line);
    else shell.see(line, set);
    joined = !isOurs && shell.goesOn ? line : undefined;
  }
  const exported = new Set(own.flatMap((line) => [...line.exported]));
  return { own, place: shell.place(text), exported, others: shell };
}

function refuseUnicodeLineEnds(text: string): void {
  const at = text.search(/[\u2028\u2029]/);
  if (at < 0) return;
  throw unclear({ number: lineNumberAt(text, at) }, 'lines that end with LF or CRLF', 'a Unicode line end');
}

/** A line that only exports variables of ours counts: python-dotenv takes it for one that sets them to nothing. */
function isOwn(
  { text }: Line,
  set: ParsedAssignment | undefined,
  isQuoted: boolean,
  names: ReadonlySet<string>,
): boolean {
  if (set) return names.has(set.name);
  const exported = isQuoted ? [] : exportList(text);
  return exported.length > 0 && exported.every((name) => names.has(name));
}

function refuseQuoted(line: Line, isQuoted: boolean, quotedTo: number): void {
  if (isQuoted) throw unclear(line, 'a variable of ours outside quotes', 'one inside a quoted value');
  if (quotedTo >= line.next) throw unclear(line, 'a value on one line', 'a quoted one on several');
}

/**
 * Where the quoted value that begins on the line ends, or -1 when none begins. Readers differ: some take a backslash
 * before a quote as an escape, some know no colon, some go on to the next line for a value, some want nothing after
 * the closing quote. Where that decides which lines belong to the value, the file is refused.
 */
function quoteEnd(text: string, line: Line, set: ParsedAssignment | undefined): number {
  const valueAt = set?.valueAt ?? line.text.length - line.text.trimStart().length;
  const quote = line.text[valueAt];
  if (quote !== '"' && quote !== "'" && quote !== '`') return -1;
  const open = line.start + valueAt;
  const end = agreedEnd(text, quote, open);
  const isOnLine = end !== undefined && end < line.next;
  if (end === undefined || (!isOnLine && (set?.delimiter !== '=' || !endsItsLine(text, end)))) {
    throw unclear(line, 'a quoted value that ends', 'one whose end readers do not agree on');
  }
  return end;
}

/** The closing quote, if it is on the same line whether backslashes escape or not. */
function agreedEnd(text: string, quote: string, open: number): number | undefined {
  const literal = text.indexOf(quote, open + 1);
  let end = literal;
  while (end >= 0 && isEscaped(text, end, open)) end = text.indexOf(quote, end + 1);
  return end < 0 || text.slice(literal, end).includes('\n') ? undefined : end;
}

function endsItsLine(text: string, quote: number): boolean {
  const lf = text.indexOf('\n', quote);
  return /^\s*(#|$)/.test(text.slice(quote + 1, lf < 0 ? undefined : lf));
}

const JOINED = 'one that a reader joins with the next (a backslash, &&, | or blanks behind = at its end)';
