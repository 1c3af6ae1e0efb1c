import type { PropertiesSink } from '../../core/config.ts';
import type { Format } from '../contract.ts';
import { keyIdsIn, plainValues } from './fields.ts';
import {
  applyEdits,
  cutLine,
  decodeText,
  type Edit,
  eolOf,
  leftOf,
  type Line,
  linesOf,
  MAX_LINES,
  refusal,
} from './text.ts';

/** Values under given keys of a file that java.util.Properties reads: the last of a key counts. */
export const properties: Format<PropertiesSink> = {
  render: (existing, credentials, { keys }, origin) => {
    const { text, encoding, warnings } = decodeText(existing ?? Buffer.alloc(0));
    const values = plainValues(keys, credentials, origin);
    const { owned, isOpen } = readProperties(text, values);
    const last = new Map(owned.map((entry) => [entry.key, entry]));
    const anchor = owned.findLast((entry) => last.get(entry.key) === entry);
    const missing = [...values].filter(([key]) => !last.has(key));
    if (!anchor && isOpen && missing.length > 0)
      throw refusal('the last line: expected one that ends, got one that ends in a backslash', 'remove the backslash');
    const eol = eolOf(text);
    const place = anchor?.next ?? text.length;
    const before = place > 0 && text[place - 1] !== '\n' ? eol : '';
    const added = before + missing.map(([key, value]) => `${key}=${value}${eol}`).join('');
    const edits = owned.map((entry): Edit => {
      if (last.get(entry.key) !== entry) return cutLine(entry);
      // After a blank alone, a value that begins with a delimiter would lose it.
      const isClear = /[=:]/.test(text.slice(entry.keyEnd, entry.valueAt));
      const start = isClear ? entry.valueAt : entry.keyEnd;
      return { start, end: entry.end, text: `${isClear ? '' : '='}${values.get(entry.key) ?? ''}` };
    });
    const all = missing.length > 0 ? [...edits, { start: place, end: place, text: added }] : edits;
    return { bytes: Buffer.from(applyEdits(text, all), encoding), warnings };
  },
  forget: (existing, sink) => {
    const file = decodeText(existing);
    const { owned } = readProperties(file.text, new Map(sink.keys.map(({ key }) => [key, ''])));
    return leftOf(existing, file, owned.map(cutLine), keyIdsIn(owned, sink));
  },
};

/** A property of ours, on one line or several. */
interface PropertyLines {
  readonly key: string;
  readonly start: number;
  readonly keyEnd: number;
  readonly valueAt: number;
  /** Before the end of its last line. */
  readonly end: number;
  readonly next: number;
  readonly value: string;
}

/** `isOpen`: the last line would be continued after the end of the file. */
function readProperties(
  text: string,
  own: ReadonlyMap<string, string>,
): { readonly owned: readonly PropertyLines[]; readonly isOpen: boolean } {
  const owned: PropertyLines[] = [];
  let lines: Line[] = [];
  const close = (): void => {
    const entry = lines.length > 0 ? entryOf(lines, own) : undefined;
    if (entry && owned.push(entry) > MAX_LINES)
      throw refusal(`expected at most ${MAX_LINES} lines of ours, got more`, 'correct the file by hand');
    lines = [];
  };
  for (const line of linesOf(text)) {
    // An empty line, which is not among these, ends a continuation.
    if (lines.at(-1)?.next !== line.start || !goesOn(lines.at(-1))) close();
    if (lines.length > 0 || !/^[ \t\f]*(?:[#!]|$)/.test(line.text)) lines.push(line);
  }
  const isOpen = goesOn(lines.at(-1));
  close();
  return { owned, isOpen };
}

/** An odd number of backslashes at its end. */
function goesOn(line: Line | undefined): boolean {
  let count = 0;
  while (line?.text.at(-1 - count) === '\\') count++;
  return count % 2 === 1;
}

function entryOf(lines: readonly Line[], own: ReadonlyMap<string, string>): PropertyLines | undefined {
  const [first, last] = [lines[0], lines.at(-1)];
  if (!first || !last) return undefined;
  const pieces = lines.map((line) => (goesOn(line) ? line.text.slice(0, -1) : line.text));
  const joined = pieces.map((piece, index) => (index === 0 ? piece : piece.slice(width(piece, 0)))).join('');
  const { key, keyEnd, valueAt } = keyOf(joined);
  if (!own.has(key)) return undefined;
  // Beyond the first line, offsets in what is joined are none in the text.
  const length = pieces[0]?.length ?? 0;
  if (lines.length > 1 && (keyEnd >= length || valueAt > length)) {
    const message = `line ${first.number}: expected a key of ours on one line, got one on several`;
    throw refusal(message, 'write it on one line');
  }
  return {
    key,
    start: first.start,
    keyEnd: first.start + keyEnd,
    valueAt: first.start + valueAt,
    end: last.start + last.text.length,
    next: last.next,
    value: unescape(joined.slice(valueAt)),
  };
}

function keyOf(line: string): Pick<PropertyLines, 'key' | 'keyEnd' | 'valueAt'> {
  const start = width(line, 0);
  let keyEnd = start;
  while (keyEnd < line.length && !/[=: \t\f]/.test(line.charAt(keyEnd))) keyEnd += line[keyEnd] === '\\' ? 2 : 1;
  let valueAt = width(line, keyEnd);
  if (/[=:]/.test(line.charAt(valueAt))) valueAt = width(line, valueAt + 1);
  return { key: unescape(line.slice(start, keyEnd)), keyEnd: Math.min(keyEnd, line.length), valueAt };
}

/** Past the blanks from `at` on. */
function width(text: string, at: number): number {
  let end = at;
  while (end < text.length && /[ \t\f]/.test(text.charAt(end))) end++;
  return end;
}

const LETTERS: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

function unescape(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([^]))/g, (_, code: string | undefined, letter: string | undefined) =>
    code === undefined ? (LETTERS[letter ?? ''] ?? letter ?? '') : String.fromCharCode(Number.parseInt(code, 16)),
  );
}
