import { printParseErrorCode, visit, type ParseErrorCode } from 'jsonc-parser';
import { type Draft, lineNumberAt, refusal } from '../text.ts';

/** The offsets of a member of an object in the text. */
export interface Member {
  readonly key: string;
  /** Of the key with its quotes. */
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly start: number;
  readonly end: number;
  /** Of the comma behind it. */
  readonly comma?: number;
  /** The kind of the value: a string (with its value), a list, or another. */
  readonly value?: ScannedObject | string;
}

export interface ScannedObject {
  readonly members: readonly Member[];
  readonly start: number;
  /** Of the closing brace. */
  readonly close: number;
}

/** Deeper documents are refused: many readers give up on them, and no configuration is. */
const MAX_DEPTH = 200;

interface DraftObject extends Draft<ScannedObject> {
  readonly members: Draft<Member>[];
}

/**
 * The root object of a JSON document (RFC 8259), which may have comments, trailing commas and a byte order mark, as
 * .NET's have. Throws a refusal on anything else, wherever in the text.
 */
export function scanDocument(text: string): ScannedObject {
  let root: ScannedObject | undefined;
  /** Undefined: a list, or an object in one, where no places of ours are. */
  const open: (DraftObject | undefined)[] = [];
  const member = (): Draft<Member> | undefined => open.at(-1)?.members.at(-1);
  const begin =
    (makes: boolean) =>
    (start: number): void => {
      if (open.length === MAX_DEPTH) throw malformed(text, start, `at most ${MAX_DEPTH} levels`, 'more');
      const object = makes && (open.length === 0 || member()) ? { members: [], start, close: start } : undefined;
      if (open.length === 0) root = object;
      Object.assign(member() ?? {}, { start }, object && { value: object });
      open.push(object);
    };
  const end = (at: number): void => {
    Object.assign(open.pop() ?? {}, { close: at });
    Object.assign(member() ?? {}, { end: at + 1 });
  };
  visit(
    text.replace(/^\uFEFF/, ' '),
    {
      onObjectBegin: begin(true),
      onArrayBegin: begin(false),
      onObjectEnd: end,
      onArrayEnd: end,
      onObjectProperty: (key, at, length) =>
        void open.at(-1)?.members.push({ key, keyStart: at, keyEnd: at + length, start: at, end: at }),
      onLiteralValue: (value, start, length) =>
        void Object.assign(member() ?? {}, { start, end: start + length }, typeof value === 'string' && { value }),
      onSeparator: (character, comma) => void Object.assign(member() ?? {}, character === ',' && { comma }),
      onError: (code, at) => {
        throw malformed(text, at, 'JSON, comments and trailing commas included', wordsOf(code));
      },
    },
    { allowTrailingComma: true },
  );
  if (root === undefined) throw malformed(text, text.search(/\S/), 'a JSON object', 'something else');
  return root;
}

function wordsOf(code: ParseErrorCode): string {
  return printParseErrorCode(code)
    .replaceAll(/(?<=[a-z])[A-Z]/g, ' $&')
    .toLowerCase();
}

function malformed(text: string, at: number, expected: string, got: string): Error {
  return refusal(
    `line ${lineNumberAt(text, at)}: expected ${expected}, got ${got}`,
    'the file must be one JSON object: correct it by hand',
  );
}

/** The run of these characters before a place, back to `from`. */
export function blanksBefore(text: string, at: number, from: number, blanks = ' \t\r\n'): string {
  let start = at;
  while (start > from && blanks.includes(text.charAt(start - 1))) start--;
  return text.slice(start, at);
}
