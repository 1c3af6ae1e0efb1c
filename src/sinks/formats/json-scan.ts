import { refusal } from './refusal.ts';
import { lineNumberAt } from './text.ts';

/** Where a member of an object stands in the text. */
export interface Member {
  readonly key: string;
  /** Of the key with its quotes. */
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly start: number;
  readonly end: number;
}

export interface ScannedObject {
  readonly members: readonly Member[];
  /** Of the closing brace. */
  readonly close: number;
}

/** Deeper documents are refused: many readers give up on them, and no configuration is. */
const MAX_DEPTH = 200;

/** The root object of a JSON document (RFC 8259). Throws a refusal on anything else, wherever in the text. */
export function scanDocument(text: string): number {
  const root = skipBlanks(text, 0);
  const end = skipBlanks(text, skipValue(text, root, 0));
  if (end < text.length) throw malformed(text, end, 'the end of the document');
  if (text[root] !== '{') throw malformed(text, root, 'a JSON object');
  return root;
}

/** The object that begins at `start`, in text that {@link scanDocument} has passed. */
export function scanObject(text: string, start: number): ScannedObject {
  const members: Member[] = [];
  const close = skipObject(text, start, 0, (member) => members.push(member)) - 1;
  return { members, close };
}

/** All of these return where the thing ends. */
function skipValue(text: string, at: number, depth: number): number {
  if (depth > MAX_DEPTH) throw malformed(text, at, `at most ${MAX_DEPTH} levels`);
  switch (text[at]) {
    case '{':
      return skipObject(text, at, depth);
    case '[':
      return skipArray(text, at, depth);
    case '"':
      return skipString(text, at);
    default:
      return skipScalar(text, at);
  }
}

function skipObject(text: string, start: number, depth: number, visit?: (member: Member) => void): number {
  let at = skipBlanks(text, start + 1);
  if (text[at] === '}') return at + 1;
  for (;;) {
    const keyStart = at;
    const keyEnd = skipString(text, keyStart);
    at = skipBlanks(text, keyEnd);
    if (text[at] !== ':') throw malformed(text, at, '":"');
    const valueStart = skipBlanks(text, at + 1);
    const end = skipValue(text, valueStart, depth + 1);
    visit?.({ key: readString(text.slice(keyStart, keyEnd)), keyStart, keyEnd, start: valueStart, end });
    at = skipBlanks(text, end);
    if (text[at] === '}') return at + 1;
    if (text[at] !== ',') throw malformed(text, at, '"," or "}"');
    at = skipBlanks(text, at + 1);
  }
}

function skipArray(text: string, start: number, depth: number): number {
  let at = skipBlanks(text, start + 1);
  if (text[at] === ']') return at + 1;
  for (;;) {
    at = skipBlanks(text, skipValue(text, at, depth + 1));
    if (text[at] === ']') return at + 1;
    if (text[at] !== ',') throw malformed(text, at, '"," or "]"');
    at = skipBlanks(text, at + 1);
  }
}

function skipString(text: string, start: number): number {
  if (text[start] !== '"') throw malformed(text, start, 'a string');
  for (let at = start + 1; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === 0x22) return at + 1;
    if (character < 0x20) throw malformed(text, at, 'no control character in a string');
    if (character !== 0x5c) continue;
    const escape = /["\\/bfnrt]|u[0-9A-Fa-f]{4}/y;
    escape.lastIndex = at + 1;
    if (!escape.test(text)) throw malformed(text, at, 'an escape sequence of JSON');
    at = escape.lastIndex - 1;
  }
  throw malformed(text, text.length, 'the end of a string');
}

function skipScalar(text: string, start: number): number {
  const scalar = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
  scalar.lastIndex = start;
  if (!scalar.test(text)) throw malformed(text, start, 'a value');
  return scalar.lastIndex;
}

function skipBlanks(text: string, start: number): number {
  let at = start;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at++;
  return at;
}

/** What a string token means. */
export function readString(token: string): string {
  return String(JSON.parse(token));
}

function malformed(text: string, at: number, expected: string): Error {
  return refusal(
    `line ${lineNumberAt(text, at)}: expected ${expected}, got something else`,
    'the file must be one JSON object without comments: correct it by hand',
  );
}
