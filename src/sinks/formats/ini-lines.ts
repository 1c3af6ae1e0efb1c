import { refusal } from './refusal.ts';
import { linesOf } from './text.ts';
import type { Line } from './text.ts';

interface Placed extends Line {
  /** Leading blanks and tabs. */
  readonly indent: string;
}

export interface IniHeader extends Placed {
  readonly kind: 'header';
  /** As it stands between the brackets. */
  readonly name: string;
  /** A comment that follows on the same line, or nothing. */
  readonly comment: string;
}

export interface IniProperty extends Placed {
  readonly kind: 'property';
  /** In lower case. */
  readonly key: string;
  readonly hasValue: boolean;
}

/** Part of the value above it. */
export interface IniContinuation extends Placed {
  readonly kind: 'continuation';
  /** What it would be as a property; empty when it could not be one. */
  readonly key: string;
}

export interface IniGap extends Placed {
  readonly kind: 'blank' | 'comment';
}

export type IniLine = IniHeader | IniProperty | IniContinuation | IniGap;

/**
 * Lines as the most permissive reader, Python's configparser, tells them apart: comments may be indented, a property
 * continues on lines indented deeper than itself, even past blank lines and comments. Throws refusals for lines that
 * make some reader reject or misread the file.
 */
export function* iniLines(text: string): Generator<IniLine, undefined> {
  let inSection = false;
  /** Width of the indentation of the property that lines may continue. */
  let property: number | undefined;
  for (const line of linesOf(text)) {
    const placed = { ...line, indent: /^[ \t]*/.exec(line.text)?.[0] ?? '' };
    const body = line.text.slice(placed.indent.length);
    if (/^[ \t\v\f]*$/.test(body)) yield { ...placed, kind: 'blank' };
    else if (/^[#;]/.test(body)) yield { ...placed, kind: 'comment' };
    else if (body.startsWith('[')) {
      yield header(placed, body);
      inSection = true;
      property = undefined;
    } else if (property !== undefined && placed.indent.length > property) {
      yield { ...placed, kind: 'continuation', key: splitProperty(body)?.key ?? '' };
    } else {
      if (!inSection) throw garbage(line, 'a [section] before it', 'one in no section');
      yield propertyLine(placed, body);
      property = placed.indent.length;
    }
  }
}

function header(line: Placed, body: string): IniHeader {
  if (line.indent !== '') throw garbage(line, 'section headers at the start of the line', 'an indented one');
  const close = body.indexOf(']');
  if (close < 0) throw garbage(line, '"]" after a section name', 'none');
  const name = body.slice(1, close);
  // Some readers see no header in [a #b] or [a[b], and take what follows for the section above.
  if (name.trim() === '' || /[[#;]/.test(name)) throw garbage(line, 'a section name without [ # ;', 'another');
  const comment = body.slice(close + 1).trimStart();
  if (!/^([#;]|$)/.test(comment)) throw garbage(line, 'nothing but a comment after a section header', 'something else');
  return { ...line, kind: 'header', name, comment };
}

function propertyLine(line: Placed, body: string): IniProperty {
  // Some readers count such characters as indentation, some as part of the key.
  if (/^[\s\x1c-\x1f\x85]/.test(body)) throw garbage(line, 'indentation by blanks or tabs', 'another white character');
  const split = splitProperty(body);
  if (split === undefined) throw garbage(line, '"key = value", a comment or a [section]', 'a line without = or :');
  if (split.key === '') throw garbage(line, 'a key before the = or :', 'none');
  return { ...line, kind: 'property', ...split };
}

function splitProperty(body: string): { key: string; hasValue: boolean } | undefined {
  const delimiter = body.search(/[=:]/);
  if (delimiter < 0) return undefined;
  return { key: body.slice(0, delimiter).trim().toLowerCase(), hasValue: body.slice(delimiter + 1).trim() !== '' };
}

function garbage(line: Line, expected: string, got: string): Error {
  return refusal(`line ${line.number}: expected ${expected}, got ${got}`, `correct line ${line.number} by hand`);
}
