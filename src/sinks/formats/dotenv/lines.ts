import { lineNumberAt, linesOf, MAX_LINES, refusal, type Line } from '../text.ts';
import {
  exportList,
  isEscaped,
  parseAssignment,
  parseOwn,
  ShellReader,
  type OwnLine,
  type ParsedAssignment,
} from './shell.ts';

/** What stands in a dotenv file of the variables that are ours. */
export interface DotenvFile {
  /** The lines of ours, in file order; a variable may come several times. */
  readonly own: readonly StandingLine[];
  /** Where new lines go when there are none. */
  readonly place: number;
  /** Whether new lines are to be exported, to take part in what the file does with others. */
  readonly exportsNew: boolean;
  /** Whether a line that is not ours alone exports the variable. */
  readonly lists: (name: string) => boolean;
  /** Behind the last name of the last such line. */
  readonly listEnd: number | undefined;
}

export interface StandingLine extends OwnLine {
  readonly line: Line;
  /** Whether a shell exports all that is set here (`set -a`). */
  readonly isAllExported: boolean;
}

/**
 * Throws a refusal where readers do not agree on which lines set a variable of ours, or on what a line after the last
 * one would mean.
 */
export function readDotenv(text: string, names: ReadonlySet<string>): DotenvFile {
  const own: StandingLine[] = [];
  const shell = new ShellReader(names);
  /** The line above, when a reader joins it with the next. */
  let joined: Line | undefined;
  for (const parsed of parseLines(text)) {
    const { line, set, isQuoted } = parsed;
    const isOurs = isOwn(parsed, names);
    if (isOurs) {
      if (joined?.next === line.start) throw continued(joined);
      refuseUnclear(parsed);
      if (own.length === MAX_LINES) throw ambiguous(line, `at most ${MAX_LINES} lines of ours`, 'more');
      shell.requireReached(line);
      own.push({ line, ...parseOwn(line, names), isAllExported: shell.exportsAll });
    } else if (isQuoted) shell.goOn(line);
    else shell.see(line, set);
    joined = !isOurs && shell.goesOn ? line : undefined;
  }
  return {
    own,
    place: shell.place(text),
    exportsNew: shell.exportsNew,
    lists: (name) => shell.lists(name),
    listEnd: shell.listEnd,
  };
}

/** A line that only exports variables of ours counts: python-dotenv takes it for one that sets them to nothing. */
function isOwn({ line, set, isQuoted }: ParsedLine, names: ReadonlySet<string>): boolean {
  if (set !== undefined) return names.has(set.name);
  const exported = isQuoted ? [] : exportList(line.text);
  return exported.length > 0 && exported.every((name) => names.has(name));
}

interface ParsedLine {
  readonly line: Line;
  /** The assignment that it is, or looks like when it is quoted. */
  readonly set: ParsedAssignment | undefined;
  /** Whether it belongs to a quoted value that began above. */
  readonly isQuoted: boolean;
  /** Whether a quoted value begins here that ends below. */
  readonly isContinued: boolean;
}
function* parseLines(text: string): Generator<ParsedLine, undefined> {
  const unicode = text.search(/[\u2028\u2029]/);
  if (unicode >= 0) {
    throw ambiguous({ number: lineNumberAt(text, unicode) }, 'lines that end with LF or CRLF', 'a Unicode line end');
  }
  let quotedTo = -1;
  for (const line of linesOf(text)) {
    const set = parseAssignment(line.text);
    const isQuoted = line.start <= quotedTo;
    if (!isQuoted) quotedTo = quoteEnd(text, line, set);
    yield { line, set, isQuoted, isContinued: quotedTo >= line.next };
  }
}

function refuseUnclear({ line, isQuoted, isContinued }: ParsedLine): void {
  if (isQuoted) throw ambiguous(line, 'a variable of ours outside quotes', 'one inside a quoted value');
  if (isContinued) throw ambiguous(line, 'a value on one line', 'a quoted one on several');
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
    throw ambiguous(line, 'a quoted value that ends', 'one whose end readers do not agree on');
  }
  return end;
}

/** The closing quote, if it stands on the same line whether backslashes escape or not. */
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

/** A shell takes such a line and the next as one, systemd one with a backslash, Node one with blanks behind `=`. */
function continued(line: Line): Error {
  return ambiguous(
    line,
    'a line of its own before a variable of ours',
    'one that a reader joins with the next (a backslash, &&, | or blanks behind = at its end)',
  );
}

function ambiguous({ number }: Pick<Line, 'number'>, expected: string, got: string): Error {
  return refusal(
    `line ${number}: expected ${expected}, got ${got}`,
    `correct line ${number} by hand, or give the credentials a file of their own`,
  );
}
