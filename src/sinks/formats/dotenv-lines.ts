import { refusal } from './refusal.ts';
import { linesOf } from './text.ts';
import type { Line } from './text.ts';

/** A line that sets a variable of ours. */
export interface Assignment {
  readonly name: string;
  readonly line: Line;
  readonly isExported: boolean;
}

/**
 * The lines outside quoted values that set one of the names, in file order; a name may come several times. Throws a
 * refusal where readers do not agree on which lines those are, or on what a line after the last one would mean.
 */
export function findAssignments(text: string, names: ReadonlySet<string>): Assignment[] {
  const found: Assignment[] = [];
  /** The line above, when it ends in a backslash. */
  let joined: Line | undefined;
  for (const parsed of parseLines(text)) {
    const { line, set } = parsed;
    const isOurs = set !== undefined && names.has(set.name);
    if (isOurs) {
      if (joined !== undefined) throw continued(joined);
      refuseQuoted(parsed);
      found.push({ name: set.name, line, isExported: set.isExported });
    }
    joined = !isOurs && isEscaped(line.text, line.text.length, -1) ? line : undefined;
  }
  if (joined !== undefined) throw continued(joined);
  return found;
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
  let quotedTo = -1;
  for (const line of linesOf(text)) {
    if (/[\u2028\u2029]/.test(line.text)) throw ambiguous(line, 'lines that end with LF or CRLF', 'a Unicode line end');
    const set = parseAssignment(line.text);
    const isQuoted = line.start <= quotedTo;
    if (!isQuoted) quotedTo = quoteEnd(text, line, set);
    yield { line, set, isQuoted, isContinued: quotedTo >= line.next };
  }
}

function refuseQuoted({ line, isQuoted, isContinued }: ParsedLine): void {
  if (isQuoted) throw ambiguous(line, 'a variable of ours outside quotes', 'one inside a quoted value');
  if (isContinued) throw ambiguous(line, 'a value on one line', 'a quoted one on several');
}

interface ParsedAssignment {
  readonly name: string;
  readonly isExported: boolean;
  /** Offset of the value in the line. */
  readonly valueAt: number;
  readonly delimiter: '=' | ':';
}

/** With `=`, or with the colon that npm's and Ruby's dotenv know. */
function parseAssignment(line: string): ParsedAssignment | undefined {
  const match = /^\s*(export\s+)?([\w.-]+)(?:\s*=|:(?=\s|$))\s*/.exec(line);
  if (match === null) return undefined;
  return {
    name: match[2] ?? '',
    isExported: match[1] !== undefined,
    valueAt: match[0].length,
    delimiter: match[0].includes('=') ? '=' : ':',
  };
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

/** Whether an odd number of backslashes stands before `at`, none of them before `from + 1`. */
function isEscaped(text: string, at: number, from: number): boolean {
  let backslash = at - 1;
  while (backslash > from && text[backslash] === '\\') backslash--;
  return (at - backslash) % 2 === 0;
}

/** A shell and systemd take such a line and the next as one, others do not. */
function continued(line: Line): Error {
  return ambiguous(line, 'a line of its own before a variable of ours', 'one that a backslash joins with the next');
}

function ambiguous(line: Line, expected: string, got: string): Error {
  return refusal(
    `line ${line.number}: expected ${expected}, got ${got}`,
    `correct line ${line.number} by hand, or give the credentials a file of their own`,
  );
}
