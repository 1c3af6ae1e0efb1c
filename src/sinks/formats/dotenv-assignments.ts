import { refusal } from './refusal.ts';
import type { Line } from './text.ts';

/** What a line says of variables of ours, when it says nothing else. */
export interface OwnLine {
  readonly assignments: readonly Assignment[];
  /** The variables that it exports, set by it or not. */
  readonly exported: ReadonlySet<string>;
}

export interface Assignment {
  readonly name: string;
  /** Without quotes around it. */
  readonly value: string;
}

/** A line that sets a variable, whatever it says besides. */
export interface ParsedAssignment {
  readonly name: string;
  readonly isExported: boolean;
  /** Offset of the value in the line. */
  readonly valueAt: number;
  readonly delimiter: '=' | ':';
}

/** With `=`, or with the colon that npm's and Ruby's dotenv know. */
export function parseAssignment(line: string): ParsedAssignment | undefined {
  const match = /^\s*(export\s+)?([\w.-]+)(?:\s*=|:(?=\s|$))\s*/.exec(line);
  if (match === null) return undefined;
  return {
    name: match[2] ?? '',
    isExported: match[1] !== undefined,
    valueAt: match[0].length,
    delimiter: match[0].includes('=') ? '=' : ':',
  };
}

/** A value of one word, as shells take it: quoted, or bare up to what means something else to a shell. */
const VALUE = /"(?:\\.|[^"\\])*"|'[^']*'|`[^`]*`|[^\s;&|<>()'"`]*/.source;
const ALONE = new RegExp(`(?:${VALUE})(?:\\s+#.*|\\s*)$`, 'y');
const BLANKS = /\s*/y;
const SEMICOLON = /;/y;
const EXPORT = /export\s+/y;
const WORD = new RegExp(`([\\w.-]+)(?:\\s*=\\s*(${VALUE}))?(?=[\\s;]|$)`, 'y');

const EXPORT_LIST = /^\s*export((?:\s+[A-Za-z_]\w*)+)\s*;?\s*(?:#.*)?$/;

/** The variables that a line exports, which sets none. */
export function exportList(text: string): readonly string[] {
  return EXPORT_LIST.exec(text)?.[1]?.trim().split(/\s+/) ?? [];
}

/** Behind the last of them. */
export function exportListEnd(text: string): number {
  return text.indexOf('export') + 'export'.length + (EXPORT_LIST.exec(text)?.[1]?.length ?? 0);
}

/** Whether nothing but a comment follows the value that begins there. */
export function isAlone(text: string, valueAt: number): boolean {
  ALONE.lastIndex = valueAt;
  return ALONE.test(text);
}

/**
 * What a line sets that begins with a variable of ours. Several on one line may all be ours, as in `export A=1 B=2` and
 * `A=1; export A`. Throws a refusal when it says anything else: that would be lost with the line.
 */
export function parseOwn(line: Line, names: ReadonlySet<string>): OwnLine {
  const colon = /^\s*([\w.-]+):\s+(.*?)\s*$/.exec(line.text);
  if (colon === null) return new OwnParser(line, names).parse();
  const [, name = '', value = ''] = colon;
  if (!isAlone(value, 0)) throw mixed(line);
  return { assignments: [{ name, value: bare(value) }], exported: new Set() };
}

class OwnParser {
  readonly #line: Line;
  readonly #names: ReadonlySet<string>;
  readonly #set: Assignment[] = [];
  readonly #exported = new Set<string>();
  #at = 0;

  constructor(line: Line, names: ReadonlySet<string>) {
    this.#line = line;
    this.#names = names;
  }

  parse(): OwnLine {
    while (!this.#isAtEnd()) {
      if (this.#take(SEMICOLON)) continue;
      const isExport = this.#take(EXPORT) !== undefined;
      do this.#word(isExport);
      while (!this.#isAtEnd() && this.#line.text[this.#at] !== ';');
    }
    return { assignments: this.#set, exported: this.#exported };
  }

  /** Past blanks; a comment is the end. */
  #isAtEnd(): boolean {
    this.#take(BLANKS);
    return this.#at >= this.#line.text.length || this.#line.text[this.#at] === '#';
  }

  #word(isExport: boolean): void {
    const [, name = '', value] = this.#take(WORD) ?? [];
    const isClear = value === undefined ? isExport : !this.#names.has(value.split('=')[0] ?? '');
    if (!this.#names.has(name) || !isClear) throw mixed(this.#line);
    if (value !== undefined) this.#set.push({ name, value: bare(value) });
    if (isExport) this.#exported.add(name);
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#line.text) ?? undefined;
    if (found) this.#at = pattern.lastIndex;
    return found;
  }
}

/** Whether an odd number of backslashes stands before `at`, none of them before `from + 1`. */
export function isEscaped(text: string, at: number, from: number): boolean {
  let backslash = at - 1;
  while (backslash > from && text[backslash] === '\\') backslash--;
  return (at - backslash) % 2 === 0;
}

function bare(value: string): string {
  return /^(["'`]).*\1$/.test(value) ? value.slice(1, -1) : value;
}

function mixed(line: Line): Error {
  return refusal(
    `line ${line.number}: expected nothing but variables of ours, their values in one word and a comment, got something else`,
    `put what else stands in line ${line.number} on a line of its own, or give the credentials a file of their own`,
  );
}
