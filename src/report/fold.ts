import { stripVTControlCharacters } from 'node:util';
import { wrap } from './wrap.ts';

/** Of a terminal that does not say how wide it is. */
export const USUAL = 80;
/** Longer lines are harder to read. */
const WIDEST = 100;

/** How long lines may be on a terminal of so many columns. */
export function lineWidth(columns: number): number {
  return Math.max(USUAL / 2, Math.min(WIDEST, columns || USUAL));
}

/**
 * Text with a line for each thing that is said, as a person on a terminal sees it: longer lines go on below, where
 * their words began. Elsewhere such text stays as it is: what a line says must be found by a search. A hint with a command
 * stays whole everywhere: whoever copies it must not run a part of it.
 */
export function fold(text: string, width: number): string {
  return text
    .split('\n')
    .flatMap((line) => (staysWhole(line, width) ? [line] : foldLine(line, width)))
    .join('\n');
}

function staysWhole(line: string, width: number): boolean {
  return stripVTControlCharacters(line).length <= width || /^ *hint: .*\bsudo /.test(line);
}

/** Blanks, or words that are padded to columns: that of a report may be full. */
const BEFORE = /^(?: +|(?:\S+ {2,})+|\S+ (?<=^.{10}))/;
/** Further in than a hint stands. */
const FURTHER = 4;

function foldLine(line: string, width: number): string[] {
  const [before = ''] = BEFORE.exec(line) ?? [];
  const column = Math.max(FURTHER, before.length);
  return wrap(line.slice(before.length), width - column).map(
    (words, index) => (index === 0 ? before : ' '.repeat(column)) + words,
  );
}
