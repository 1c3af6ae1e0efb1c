import { refusal } from './refusal.ts';
import { linesOf } from './text.ts';
import type { Line } from './text.ts';

interface Indented {
  readonly line: Line;
  /** Leading blanks and tabs. */
  readonly indent: string;
}

export interface IniHeader extends Indented {
  readonly kind: 'header';
  /** As it stands between the brackets. */
  readonly name: string;
  /** A comment that follows on the same line, or nothing. */
  readonly comment: string;
}

export interface IniProperty extends Indented {
  readonly kind: 'property';
  /** In lower case. */
  readonly key: string;
  readonly hasValue: boolean;
}

/** Part of the value above it. */
export interface IniContinuation extends Indented {
  readonly kind: 'continuation';
  /** What it would be as a property; empty when it could not be one. */
  readonly key: string;
}

export interface IniComment extends Indented {
  readonly kind: 'comment';
}

export type IniLine = IniHeader | IniProperty | IniContinuation | IniComment;

/**
 * The lines that are not blank, as the most permissive reader, Python's configparser, tells them apart: comments may be
 * indented, a property continues on lines indented deeper than itself, even past blank lines and comments. Throws
 * refusals for lines that make some reader reject or misread the file.
 */
export function* iniLines(text: string): Generator<IniLine, undefined> {
  let inSection = false;
  /** Width of the indentation of the property that lines may continue. */
  let property: number | undefined;
  for (const line of linesOf(text)) {
    if (/^[ \t\v\f]*$/.test(line.text)) continue;
    const indent = /^[ \t]*/.exec(line.text)?.[0] ?? '';
    const body = line.text.slice(indent.length);
    if (/^[#;]/.test(body)) yield { kind: 'comment', line, indent };
    else if (body.startsWith('[')) {
      yield headerLine(line, indent, body);
      inSection = true;
      property = undefined;
    } else if (property !== undefined && indent.length > property) {
      yield { kind: 'continuation', line, indent, key: splitProperty(body)?.key ?? '' };
    } else {
      if (!inSection) throw garbage(line, 'a [section] before it', 'one in no section');
      yield propertyLine(line, indent, body);
      property = indent.length;
    }
  }
}

function headerLine(line: Line, indent: string, body: string): IniHeader {
  if (indent !== '') throw garbage(line, 'section headers at the start of the line', 'an indented one');
  const close = body.indexOf(']');
  if (close < 0) throw garbage(line, '"]" after a section name', 'none');
  const name = body.slice(1, close);
  // Some readers see no header in [a #b] or [a[b], and take what follows for the section above.
  if (name.trim() === '' || /[[#;]/.test(name)) throw garbage(line, 'a section name without [ # ;', 'another');
  const comment = body.slice(close + 1).trimStart();
  if (!/^([#;]|$)/.test(comment)) throw garbage(line, 'nothing but a comment after a section header', 'something else');
  return { kind: 'header', line, indent, name, comment };
}

function propertyLine(line: Line, indent: string, body: string): IniProperty {
  // Some readers count such characters as indentation, some as part of the key.
  if (/^[\s\x1c-\x1f\x85]/.test(body)) throw garbage(line, 'indentation by blanks or tabs', 'another white character');
  const split = splitProperty(body);
  if (split === undefined) throw garbage(line, '"key = value", a comment or a [section]', 'a line without = or :');
  if (split.key === '') throw garbage(line, 'a key before the = or :', 'none');
  return { kind: 'property', line, indent, key: split.key, hasValue: split.hasValue };
}

function splitProperty(body: string): { key: string; hasValue: boolean } | undefined {
  const delimiter = body.search(/[=:]/);
  if (delimiter < 0) return undefined;
  return { key: body.slice(0, delimiter).trim().toLowerCase(), hasValue: body.slice(delimiter + 1).trim() !== '' };
}

function garbage(line: Line, expected: string, got: string): Error {
  return refusal(`line ${line.number}: expected ${expected}, got ${got}`, `correct line ${line.number} by hand`);
}
