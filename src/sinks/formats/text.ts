import { isUtf8 } from 'node:buffer';
import type { AwsCredentialsSink, DotenvSink } from '../../core/config.ts';
import { formatExpiration } from '../../core/credentials.ts';
import { AgentError } from '../../core/errors.ts';
import { MARKER } from '../../core/owned.ts';
import type { Left } from '../contract.ts';

/** A file as text, without loss whatever its bytes: those that are not UTF-8 are carried as latin-1. */
export interface DecodedText {
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

/** Replaces the text from `start` up to `end`. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Made while its parts are read. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** The most lines of ours in one profile or file: people write each once, or some twice. */
export const MAX_LINES = 64;

const byteOrderMark = Buffer.from('\uFEFF');

/** Refuses bytes that some reader does not take for lines of text. Strips a byte order mark. */
export function decodeText(bytes: Buffer): DecodedText {
  let start = 0;
  while (bytes.indexOf(byteOrderMark, start) === start) start += 3;
  const body = bytes.subarray(start);
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
  if (start > 0) warnings.push('removed the byte order mark, which hides the first line from many readers');
  if (encoding !== 'utf8') warnings.push('the file is not UTF-8: some readers, botocore among them, refuse it');
  return { text, encoding, warnings };
}

/** The lines with anything in them from `start`, which is that of line `number`, up to `end`. */
export function* linesOf(text: string, start = 0, number = 1, end = text.length): Generator<Line, undefined> {
  for (let at = start; at < end; number++) {
    const lf = text.indexOf('\n', at);
    const next = lf < 0 ? text.length : lf + 1;
    const eol = lf < 0 ? '' : lf > at && text.charCodeAt(lf - 1) === 0x0d ? '\r\n' : '\n';
    const stop = next - eol.length;
    if (stop > at) yield { number, start: at, text: text.slice(at, stop), eol, next };
    at = next;
  }
}

/** The end of the first line, for new ones. */
export function eolOf(text: string): string {
  return linesOf(text).next().value?.eol || '\n';
}

/** Edits in any order; they must not overlap. Of two at one place the first given comes first, whatever it replaces. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    parts.push(text.slice(at, edit.start), edit.text);
    at = Math.max(at, edit.end);
  }
  return parts.join('') + text.slice(at);
}

/** A new section at the end, after one blank line. */
export function appendSection(text: string, name: string, lines: readonly string[]): string {
  const end = text.endsWith('\r\n') ? '\r\n' : text.endsWith('\n') ? '\n' : eolOf(text);
  const above = text === '' || text.endsWith('\n') ? text : text + end;
  const lastLine = above.slice(above.lastIndexOf('\n', above.length - 2) + 1);
  const gap = lastLine.trim() === '' ? '' : end;
  return above + gap + [`[${name}]`, ...lines].map((line) => line + end).join('');
}

/** Length of the blank line before a section, which was made with it; 0 where it is needed between others. */
export function gapBefore(text: string, start: number, end: number): number {
  const isNeeded = end < text.length && !/^\r?\n/.test(text.slice(end, end + 2));
  return isNeeded ? 0 : (/(?<=\n)\r?\n$/.exec(text.slice(Math.max(0, start - 3), start))?.[0].length ?? 0);
}

export function cutLine({ start, next }: Pick<Line, 'start' | 'next'>): Edit {
  return { start, end: next, text: '' };
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

/** Messages give line numbers and the names of our own keys, nothing else of what the file holds: it holds secrets. */
export function refusal(message: string, hint: string): AgentError {
  return new AgentError('SINK_FORMAT_REFUSED', message, { hint });
}

/** The start of a new file. An existing file, even an empty one, never gets it: its bytes stay. */
export function startOf({ comment }: Pick<AwsCredentialsSink | DotenvSink, 'comment'>): Buffer {
  return Buffer.from(comment ? `${MARKER}\n` : '');
}

/** A file without what `edits` take out of it, which is all that is ours. */
export function leftOf(
  existing: Buffer,
  { text, encoding, warnings }: DecodedText,
  edits: readonly Edit[],
  keyIds: readonly string[],
): Left {
  if (edits.length === 0) return { bytes: existing, keyIds, warnings: [] };
  const rest = withoutMarker(applyEdits(text, edits));
  return { bytes: rest === undefined ? undefined : Buffer.from(rest, encoding), keyIds, warnings };
}

/** The text without the marker; undefined if only white is left. */
function withoutMarker(text: string): string | undefined {
  const rest = text.startsWith(`${MARKER}\n`) ? text.slice(MARKER.length + 1) : text;
  return rest.trim() === '' ? undefined : rest;
}

/**
 * A value that every reader of INI and dotenv files takes literally: nothing that any of them would cut off, unquote,
 * expand or take for the next line. AWS makes no others.
 */
export function plain(name: string, value: string, hint = JSON_INSTEAD): string {
  if (/^[A-Za-z0-9+/=_.:@,-]+$/.test(value)) return value;
  throw refusal(`${name}: expected only letters, digits and + / = _ . : @ , -, got another character`, hint);
}

const JSON_INSTEAD = 'write this sink as json: readers of this format do not agree on such a value';

/**
 * A value where a reader may take any text that has an end and no control characters: some cut at a zero byte, some are
 * made of grep and sed, and half a surrogate pair is nothing that UTF-8 can say.
 */
export function printableText(name: string, value: string): string {
  if (value !== '' && value.isWellFormed() && !/\p{Cc}/u.test(value)) return value;
  throw refusal(
    `${name}: expected text without control characters, got another`,
    'readers do not agree on such a value: ask who makes the credentials',
  );
}

/**
 * The expiration in the form of the existing one: RFC 3339, or seconds or milliseconds since 1970. Undefined if the
 * existing value is another number, such as a duration, and so not ours.
 */
export function followed(existing: string, expiration: number): string | undefined {
  if (!/^\d+(\.\d+)?$/.test(existing)) return formatExpiration(expiration);
  const length = existing.split('.')[0]?.length;
  if (length === 13) return String(expiration);
  return length === 10 ? String(Math.floor(expiration / 1000)) : undefined;
}
