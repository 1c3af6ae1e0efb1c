import { isUtf8 } from 'node:buffer';
import { refusal } from './refusal.ts';

/** A file as text, without loss whatever its bytes: those that are not UTF-8 are carried as latin-1. */
export interface Text {
  readonly text: string;
  readonly encoding: 'utf8' | 'latin1';
  readonly warnings: readonly string[];
}

export interface Line {
  /** From 1. */
  readonly number: number;
  readonly start: number;
  /** Without its line end. */
  readonly text: string;
  /** Empty on a last line that has none. */
  readonly eol: '\n' | '\r\n' | '';
  /** Where the next line starts. */
  readonly next: number;
}

/** Replaces what stands from `start` up to `end`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const byteOrderMark = Buffer.from('\uFEFF');

/** Refuses what readers do not agree to be lines of text. Strips a byte order mark. */
export function decodeText(bytes: Buffer): Text {
  let body = bytes;
  while (body.subarray(0, 3).equals(byteOrderMark)) body = body.subarray(3);
  const encoding = isUtf8(body) ? 'utf8' : 'latin1';
  const text = body.toString(encoding);
  refuseAt(text, text.indexOf('\0'), 'a NUL byte', 'save it as UTF-8 (a UTF-16 file is full of NULs)');
  refuseAt(
    text,
    text.search(/\r(?!\n)/),
    'a CR without LF',
    'end lines with LF or CRLF: only some readers end one here',
  );
  const warnings: string[] = [];
  if (body !== bytes) warnings.push('removed the byte order mark, which hides the first line from many readers');
  if (encoding !== 'utf8') warnings.push('the file is not UTF-8: some readers, botocore among them, refuse it');
  return { text, encoding, warnings };
}

export function* linesOf(text: string): Generator<Line, undefined> {
  for (let start = 0, number = 1; start < text.length; number++) {
    const lf = text.indexOf('\n', start);
    const next = lf < 0 ? text.length : lf + 1;
    const eol = lf < 0 ? '' : text[lf - 1] === '\r' && lf > start ? '\r\n' : '\n';
    yield { number, start, text: text.slice(start, next - eol.length), eol, next };
    start = next;
  }
}

/** Edits in any order; they must not overlap. Of two at one place the first given comes first. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    parts.push(text.slice(at, edit.start), edit.text);
    at = edit.end;
  }
  return parts.join('') + text.slice(at);
}

/** From 1. */
export function lineNumberAt(text: string, at: number): number {
  let number = 1;
  for (let lf = text.indexOf('\n'); lf >= 0 && lf < at; lf = text.indexOf('\n', lf + 1)) number++;
  return number;
}

function refuseAt(text: string, at: number, got: string, hint: string): void {
  if (at >= 0) throw refusal(`line ${lineNumberAt(text, at)}: expected lines of text, got ${got}`, hint);
}
