import { SECURITY_TOKEN } from '../../../core/owned.ts';
import { type Draft, type Line, linesOf, MAX_LINES, refusal } from '../text.ts';

/** Whether a setting of the profile is ours: rewritten, or removed. */
export type Owns = (setting: Pick<ProfileSetting, 'key' | 'value'>) => boolean;

/** The line that a key of ours must have; undefined: it is removed. */
export type LineFor = (existing: Pick<ProfileSetting, 'name' | 'key' | 'value'>) => string | undefined;

const CREDENTIAL_KEYS = ['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token', SECURITY_TOKEN] as const;

/** Whether the key is one of those that sign. */
export function isCredentialKey(key: string | undefined): boolean {
  return CREDENTIAL_KEYS.some((one) => one === key);
}

/** A section; a file may have several of one name. */
export interface Section {
  readonly header: IniHeader;
  /** Where the lines between the header and the first property end. */
  readonly leadEnd: number;
  /** Indentation of its first property; undefined when it has none. */
  readonly indent: string | undefined;
  /** Its properties that are ours. */
  readonly owned: readonly OwnedProperty[];
  /** Whether it has comments, and properties that are not ours. */
  readonly hasOthers: boolean;
}

export interface OwnedProperty extends IniProperty {
  /** Where the lines below it, which may continue its value, end. */
  readonly end: number;
}

/** Each takes a set of keys: a file of nothing but copies would come out many times as large. */
const MAX_COPIES = 16;

/** The copies of a profile's section. */
export interface Sections {
  readonly exact: readonly Section[];
  /** With blanks around the name: for some readers the same profile, for most another. */
  readonly similar: readonly Section[];
}

/** Calls `see` with every line. Throws a refusal when some reader would reject or misread the file. */
export function readSections(
  text: string,
  profile: string,
  owns: Owns,
  see: (line: IniLine) => void = () => undefined,
): Sections {
  const copies: Draft<Section>[] = [];
  let copy: Draft<Section> | undefined;
  /** A property of ours to whose value the next lines may belong. */
  let open: Draft<OwnedProperty> | undefined;
  for (const line of iniLines(text)) {
    see(line);
    if (ENDS.has(line.kind)) {
      if (copy) copy.leadEnd = Math.min(copy.leadEnd, line.line.start);
      if (open) open.end = line.line.start;
      open = undefined;
    }
    if (line.kind === 'header') {
      copy = line.name.trim() === profile ? emptySection(line, text.length) : undefined;
      if (copy && copies.push(copy) > MAX_COPIES)
        throw garbage(line.line, `at most ${MAX_COPIES} sections of the profile`, 'more');
    } else if (copy) open = addLine(copy, line, owns, text.length) ?? open;
  }
  return {
    exact: copies.filter(({ header }) => header.name === profile),
    similar: copies.filter(({ header }) => header.name !== profile),
  };
}

/** Lines that belong to no value above them. */
const ENDS: ReadonlySet<IniLine['kind']> = new Set(['header', 'property']);

function emptySection(header: IniHeader, end: number): Draft<Section> {
  return { header, leadEnd: end, indent: undefined, owned: [], hasOthers: false };
}

/** Gives the line if it is a property of ours. `end`: of the file, up to which its value may continue. */
function addLine(
  copy: Draft<Section>,
  line: Exclude<IniLine, IniHeader>,
  owns: Owns,
  end: number,
): Draft<OwnedProperty> | undefined {
  if (line.kind === 'property') copy.indent ??= line.indent;
  if (line.kind !== 'property' || !owns(line)) {
    copy.hasOthers ||= line.kind !== 'continuation';
    return undefined;
  }
  if (copy.owned.length === MAX_LINES)
    throw garbage(line.line, `at most ${MAX_LINES} lines that set keys of ours`, 'more');
  const property = { ...line, end };
  copy.owned = [...copy.owned, property];
  return property;
}

interface Indented {
  readonly line: Line;
  /** Leading blanks and tabs. */
  readonly indent: string;
}

export interface IniHeader extends Indented {
  readonly kind: 'header';
  /** The text between the brackets. */
  readonly name: string;
  /** A comment that follows on the same line, or nothing. */
  readonly comment: string;
}

export interface ProfileSetting {
  /** As it is spelled. */
  readonly name: string;
  /** In lower case. */
  readonly key: string;
  readonly delimiter: '=' | ':';
  readonly value: string;
}

export interface IniProperty extends Indented, ProfileSetting {
  readonly kind: 'property';
}

/** Part of the value above it. */
export interface IniContinuation extends Indented {
  readonly kind: 'continuation';
  /** The line as a property; undefined if it cannot be one. */
  readonly setting: ProfileSetting | undefined;
}

interface IniOther extends Indented {
  /** `white`: nothing but white characters, blanks, tabs, form feeds and the like apart. */
  readonly kind: 'comment' | 'white';
}

export type IniLine = IniHeader | IniProperty | IniContinuation | IniOther;

/**
 * The lines that are not blank, as the most permissive reader, Python's configparser, tells them apart: comments may be
 * indented, a property continues on lines indented deeper than itself, even past blank lines and comments. Throws
 * refusals for lines that make some reader reject or misread the file.
 */
function* iniLines(text: string): Generator<IniLine, undefined> {
  let inSection = false;
  /** Width of the indentation of the property that lines may continue. */
  let property: number | undefined;
  for (const line of linesOf(text)) {
    const indent = indentOf(line.text);
    const body = line.text.slice(indent.length);
    const isPlain = startsPlainly(body);
    if (body === '' || (!isPlain && /^[ \t\v\f]+$/.test(body))) continue;
    if (isComment(body)) yield { kind: 'comment', line, indent };
    else if (body.startsWith('[')) {
      yield headerLine(line, indent, body);
      inSection = true;
      property = undefined;
    } else if (!isPlain && WHITE.test(body)) yield { kind: 'white', line, indent };
    else if (property !== undefined && indent.length > property) {
      yield { kind: 'continuation', line, indent, setting: settingOf(body) };
    } else {
      if (!inSection) throw garbage(line, 'a [section] before it', 'one in no section');
      yield propertyLine(line, indent, body);
      property = indent.length;
    }
  }
}

export function indentOf(text: string): string {
  let width = 0;
  while (text.charCodeAt(width) === 0x20 || text.charCodeAt(width) === 0x09) width++;
  return text.slice(0, width);
}

export function isComment(body: string): boolean {
  return body.startsWith('#') || body.startsWith(';');
}

/** Begins with no white character: true of nearly every line, after a look at one character. */
function startsPlainly(body: string): boolean {
  const first = body.charCodeAt(0);
  return first > 0x20 && first < 0x80;
}

/** White characters, for Python. */
const WHITE = /^[\s\x1c-\x1f\x85]+$/;

export function settingOf(body: string): ProfileSetting | undefined {
  let at = 0;
  while (at < body.length && body[at] !== '=' && body[at] !== ':') at++;
  if (at === body.length) return undefined;
  const name = body.slice(0, at).trim();
  return { name, key: name.toLowerCase(), value: body.slice(at + 1).trim(), delimiter: body[at] === '=' ? '=' : ':' };
}

/** A white character of the text that is no blank, by its number, and by its name if people know it by one. */
export function whiteName(text: string): string {
  const code = /[^\S \t]|[\x1c-\x1f\x85]/.exec(text)?.[0].charCodeAt(0) ?? 0x20;
  const number = `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  return code === 0xa0 ? `a no-break space (${number})` : `the white character ${number}`;
}

function headerLine(line: Line, indent: string, body: string): IniHeader {
  if (indent !== '') throw garbage(line, 'section headers at the start of the line', 'an indented one');
  const close = body.indexOf(']');
  if (close < 0) throw garbage(line, '"]" after a section name', 'none');
  const name = body.slice(1, close);
  // Some readers see no header in [a #b] or [a[b], and take what follows for the section above.
  if (name.trim() === '' || name.includes('[') || name.includes('#') || name.includes(';'))
    throw garbage(line, 'a section name without [ # ;', 'another');
  const comment = body.slice(close + 1).trimStart();
  if (comment !== '' && !isComment(comment)) {
    throw garbage(line, 'nothing but a comment after a section header', 'something else');
  }
  return { kind: 'header', line, indent, name, comment };
}

function propertyLine(line: Line, indent: string, body: string): IniProperty {
  // Some readers count such characters as indentation, some as part of the key.
  if (!startsPlainly(body) && /^[\s\x1c-\x1f\x85]/.test(body))
    throw garbage(line, 'indentation by blanks or tabs', whiteName(body));
  const setting = settingOf(body);
  if (setting === undefined) throw garbage(line, '"key = value", a comment or a [section]', 'a line without = or :');
  if (setting.key === '') throw garbage(line, 'a key before the = or :', 'none');
  const { name, key, delimiter, value } = setting;
  return { kind: 'property', line, indent, name, key, delimiter, value };
}

export function garbage({ number }: Line, expected: string, got: string): Error {
  return refusal(`line ${number}: expected ${expected}, got ${got}`, `correct line ${number} by hand`);
}
