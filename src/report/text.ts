import { stripVTControlCharacters, styleText } from 'node:util';
import { printable } from '../core/printable.ts';

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** `5 h 59 min`, `42 s`: the two largest units. Negative durations are shown as positive ones. */
export function duration(ms: number): string {
  let rest = Math.round(Math.abs(ms) / 1000);
  const parts: string[] = [];
  for (const [name, seconds] of UNITS) {
    const count = Math.floor(rest / seconds);
    rest %= seconds;
    if (count > 0) parts.push(`${String(count)} ${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0 s';
}

/** `in 42 s`, `5 min ago`. */
export function relative(epochMs: number, now: number): string {
  return epochMs >= now ? `in ${duration(epochMs - now)}` : `${duration(now - epochMs)} ago`;
}

export function timestamp(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

export function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** In place of a blank at which no line ends; printable texts have none. */
const TIE = '\0';

/** Lines of at most `width` characters; a longer word has one of its own. A number stays with its unit. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  const tied = text.replace(/\b(pid|\d+) (?=(?:\d+|min|[dhs])\b)/g, `$1${TIE}`);
  for (const word of tied.split(/\s+/)) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => line.replaceAll(TIE, ' '));
}

/** The same, after `before`: further lines begin below the first one's words, or at `column`. */
export function hanging(before: string, words: string, width: number, column = before.length): string[] {
  return wrap(words, width - column).map((line, index) => (index === 0 ? before : ' '.repeat(column)) + line);
}

/** Of many, the first few and how many more there are. */
export function firstOf(most: number, words: readonly string[]): readonly string[] {
  const more = words.length - most;
  return more > 0 ? [...words.slice(0, most), `${more} more`] : words;
}

/** Of a terminal that does not say how wide it is. */
export const USUAL = 80;
/** Longer lines are harder to read. */
const WIDEST = 100;

/** How long lines may be on a terminal of so many columns. */
export function lineWidth(columns: number): number {
  return Math.max(USUAL / 2, Math.min(WIDEST, columns || USUAL));
}

/**
 * Lines of text for a terminal: longer lines continue below, where their words began. Elsewhere lines are not folded,
 * so that a search finds them. A hint with a command stays whole everywhere: nobody must copy and run a part of it.
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
/** Further in than a hint. */
const FURTHER = 4;

function foldLine(line: string, width: number): string[] {
  const [before = ''] = BEFORE.exec(line) ?? [];
  return hanging(before, line.slice(before.length), width, Math.max(FURTHER, before.length));
}

export type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red';

export type Paint = (style: Style, text: string) => string;

export const plain: Paint = (_style, text) => text;

export const coloured: Paint = (style, text) => styleText(style, text, { validateStream: false });

/** How a screen for people looks. */
export interface Screen {
  /** Epoch milliseconds. */
  readonly now: number;
  readonly paint: Paint;
  readonly width: number;
}

/** The column of words; their subject is before it. */
export const INDENT = 12;
const MARGIN = ' '.repeat(INDENT);

/** The subject before the first line. */
export interface Label {
  readonly text: string;
  readonly style: Style;
}

/** Names and paths may be hostile, here and below. */
export function labelled({ text, style }: Label, words: string, look: Screen): string[] {
  const before = look.paint(style, text) + ' '.repeat(Math.max(1, INDENT - text.length));
  return hanging(before, printable(words), look.width, INDENT);
}

export function paragraph(words: string, look: Screen, style?: Style): string[] {
  const lines = wrap(printable(words), look.width - INDENT);
  return lines.map((line) => MARGIN + (style ? look.paint(style, line) : line));
}

/** A command or a line of configuration, whole. */
export function copied(line: string): string[] {
  return [`${MARGIN}  ${printable(line)}`];
}

export function warningLines(warnings: readonly string[], look: Screen): string[] {
  return warnings.flatMap((warning) => paragraph(`warning: ${warning}`, look, 'yellow'));
}
