import type { IniSink } from '../../core/config.ts';
import type { Format } from '../contract.ts';
import { garbage, indentOf, isComment } from './aws/sections.ts';
import { keyIdsIn, plainValues } from './fields.ts';
import {
  appendSection,
  applyEdits,
  cutLine,
  decodeText,
  type Edit,
  eolOf,
  gapBefore,
  leftOf,
  type Line,
  linesOf,
  MAX_LINES,
} from './text.ts';

/**
 * Values under given keys of one section. All other lines are foreign, and are not judged: readers differ in
 * everything.
 */
export const ini: Format<IniSink> = {
  render: (existing, credentials, sink, origin) => {
    const { text, encoding, warnings } = decodeText(existing ?? Buffer.alloc(0));
    // Quotes are a part of the value for most, and needed by PHP.
    const mark = sink.quote === 'double' ? '"' : '';
    const values = new Map(
      plainValues(sink.keys, credentials, origin)
        .entries()
        .map(([key, value]) => [key, mark + value + mark]),
    );
    const file = readIni(text, sink);
    const target = file.copies.at(-1);
    const cuts = file.copies.slice(0, -1).flatMap(({ owned }) => owned.map(({ line }) => cutLine(line)));
    const edits = target ? [...cuts, ...rewrite(text, target, values)] : cuts;
    const edited = applyEdits(text, edits);
    const lines = [...values].map(([key, value]) => `${key} = ${value}`);
    const result = target ? edited : appendSection(edited, sink.section ?? '', lines);
    return { bytes: Buffer.from(result, encoding), warnings: [...warnings, ...warn(file, sink)] };
  },
  forget: (existing, sink) => {
    const file = decodeText(existing);
    const { copies } = readIni(file.text, sink);
    const owned = copies.flatMap((copy) => copy.owned);
    const edits = copies.flatMap((copy) => clear(file.text, copy));
    const unquoted = owned.map(({ key, value }) => ({ key, value: value.replace(/^"(.*)"$/, '$1') }));
    return leftOf(existing, file, edits, keyIdsIn(unquoted, sink));
  },
};

interface Property {
  readonly line: Line;
  readonly indent: string;
  readonly name: string;
  /** Ours that it is, whatever its case; empty for a foreign one. */
  readonly key: string;
  /** The delimiter, with the blanks around it. */
  readonly gap: string;
  readonly value: string;
}

/** A copy of the section. */
interface SectionCopy {
  /** Undefined for the part before the first header. */
  readonly header: Line | undefined;
  /** Where the copy ends. */
  end: number;
  first: Property | undefined;
  /** Of the first line that says anything: what is deeper below a line of ours would be a part of it. */
  indent: string | undefined;
  owned: Property[];
  /** Its other content: names of keys, and `#` for comments. */
  readonly others: Set<string>;
}

interface IniFile {
  readonly copies: readonly SectionCopy[];
  readonly warnings: readonly string[];
  /** The first line of another section with a key of ours. */
  readonly elsewhere: number | undefined;
  /** The first line with an old name of one. */
  readonly old: number | undefined;
}

const MAX_COPIES = 16;

/** Throws a refusal where a line could be ours to some readers and not to others. */
function readIni(text: string, sink: IniSink): IniFile {
  const reader = new IniReader(text.length, sink);
  for (const line of linesOf(text)) reader.see(line);
  const { copies, warnings, elsewhere, old } = reader;
  const blank = copies.length > 1 && copies.find((copy) => trimmedHeader(copy).length > 0)?.header;
  if (blank)
    throw garbage(blank, 'one name for the section', 'blanks around it, which make it another for some readers');
  return { copies: copies.map(withoutOtherCases), warnings, elsewhere, old };
}

class IniReader {
  readonly copies: SectionCopy[] = [];
  readonly warnings: string[] = [];
  elsewhere: number | undefined;
  old: number | undefined;
  readonly #length: number;
  readonly #section: string | null;
  /** By their names in lower case. */
  readonly #own: ReadonlyMap<string, string>;
  /** Names that the program had for keys of ours once. */
  readonly #old: ReadonlySet<string>;
  #copy: SectionCopy | undefined;
  /** The property of ours that an indented line would continue. */
  #above: Property | undefined;
  /** The indentation of the property that Python takes what is indented deeper for a part of. */
  #indent: number | undefined;

  constructor(length: number, { section, keys, preset }: IniSink) {
    this.#length = length;
    this.#section = section;
    this.#own = new Map(keys.map(({ key }) => [key.toLowerCase(), key]));
    this.#old = new Set(preset === 'pgbackrest' ? keys.map(({ key }) => key.replace(/^repo1-/, 'repo-')) : []);
    if (section === null) this.#open(undefined);
  }

  see(line: Line): void {
    const indent = indentOf(line.text);
    const body = line.text.slice(indent.length);
    if (body.startsWith('RCLONE_ENCRYPT_V')) throw garbage(line, 'a file of text', 'an encrypted one of rclone');
    if (isComment(body)) {
      this.#copy?.others.add('#');
    } else if (body.trim() !== '') {
      const name = headerName(line, indent, body, this.#copy ? undefined : this.#section);
      if (name === undefined) this.#property(line, indent, body);
      else this.#header(line, name);
    }
  }

  #open(header: Line | undefined): void {
    if (header && this.copies.length === MAX_COPIES)
      throw garbage(header, `at most ${MAX_COPIES} copies of the section`, 'more');
    const isCommented = /^\[[^\]]*\]\s*\S/.test(header?.text.trimStart() ?? '');
    const others = new Set(isCommented ? ['#'] : []);
    this.#copy = { header, end: this.#length, first: undefined, indent: undefined, owned: [], others };
    this.copies.push(this.#copy);
  }

  #header(line: Line, name: string): void {
    if (this.#copy) this.#copy.end = line.start;
    this.#copy = this.#above = this.#indent = undefined;
    if (name === this.#section) this.#open(line);
    else if (name.toLowerCase() === this.#section?.toLowerCase())
      this.warnings.push(`line ${line.number}: a section of this name in another case: left as it is`);
  }

  #property(line: Line, indent: string, body: string): void {
    if (this.#above && indent.length > this.#above.indent.length) throw garbage(line, NOT_INDENTED, CONTINUED);
    const property = propertyOf(line, indent, body, this.#own);
    const isPart = indent.length > (this.#indent ?? Infinity);
    if (property && !isPart) this.#indent = indent.length;
    this.#above = undefined;
    if (property) this.#named(property, isPart);
    if (this.#copy) add(this.#copy, property, { line, indent });
  }

  #named(property: Property, isPart: boolean): void {
    const { line, name, key } = property;
    if (this.#old.has(name)) this.old ??= line.number;
    if (key === '') return;
    if (!this.#copy) this.elsewhere ??= line.number;
    else if (isPart) throw garbage(line, 'a key of ours that is not indented below another', CONTINUED);
    else this.#above = property;
  }
}

const NOT_INDENTED = 'a line that is not indented below a key of ours';
const CONTINUED = 'one that Python takes for a part of its value';

function add(
  copy: SectionCopy,
  property: Property | undefined,
  { line, indent }: Pick<Property, 'line' | 'indent'>,
): void {
  copy.first ??= property;
  copy.indent ??= indent;
  if (!property?.key) copy.others.add(property?.name ?? '');
  else if (copy.owned.length < MAX_LINES) copy.owned.push(property);
  else throw garbage(line, `at most ${MAX_LINES} lines of ours`, 'more');
}

/** A key in another case is ours only if the section does not have it in our case as well. */
function withoutOtherCases(copy: SectionCopy): SectionCopy {
  const exact = new Set(copy.owned.flatMap(({ name, key }) => (name === key ? [key] : [])));
  const owned = copy.owned.filter(({ name, key }) => name === key || !exact.has(key));
  for (const { name } of copy.owned.filter((one) => !owned.includes(one))) copy.others.add(name);
  return { ...copy, owned };
}

/**
 * Undefined for a line that is no header. A header that only some readers see is refused where it decides which keys
 * are ours: in our section, or by the name of ours. `outside`: our section's name; undefined: the line is in it.
 */
function headerName(line: Line, indent: string, body: string, outside: string | null | undefined): string | undefined {
  const close = body.indexOf(']');
  if (!body.startsWith('[') || close < 0) return undefined;
  const name = body.slice(1, close).trim();
  const rest = body.slice(close + 1).trimStart();
  if (indent === '' && (rest === '' || isComment(rest))) return name;
  if (outside !== undefined && name !== outside) return undefined;
  throw garbage(line, 'section headers at the start of a line, with nothing but a comment after them', 'another');
}

/** Opens a value of several lines for some reader. */
const OPENING = /^(?:"""|'''|["`])/;

function propertyOf(line: Line, indent: string, body: string, own: ReadonlyMap<string, string>): Property | undefined {
  const at = body.search(/[=:]/);
  if (at < 0) return undefined;
  const name = body.slice(0, at).trimEnd();
  const value = body.slice(at + 1).trimStart();
  const quote = OPENING.exec(value)?.[0];
  if (value.startsWith('<<') || (quote !== undefined && !value.includes(quote, quote.length)))
    throw garbage(line, 'values on one line', 'one that some readers take to continue');
  const gap = body.slice(name.length, body.length - value.length);
  return { line, indent, name, key: own.get(name.toLowerCase()) ?? '', gap, value };
}

/** The first of each key says the value, later ones go, and missing ones come after the last of ours. */
function rewrite(text: string, copy: SectionCopy, values: ReadonlyMap<string, string>): readonly Edit[] {
  const current = new Map<string, Property>();
  for (const property of copy.owned) if (!current.has(property.key)) current.set(property.key, property);
  const edits = copy.owned.map((property): Edit => {
    const { line, indent, key, gap } = property;
    if (current.get(key) !== property) return cutLine(line);
    const start = line.start + indent.length;
    return {
      start,
      end: line.start + line.text.length,
      text: `${key}${gap.replace(':', '=')}${values.get(key) ?? ''}`,
    };
  });
  const missing = [...values].filter(([key]) => !current.has(key));
  const added = missing.length === 0 ? [] : [insertion(text, copy, [...current.values()].at(-1), missing)];
  return [...edits, ...trimmedHeader(copy), ...added];
}

/** Below the last of ours, in its style; else first in the section, in the style of what is first now. */
function insertion(
  text: string,
  copy: SectionCopy,
  last: Property | undefined,
  missing: readonly (readonly [string, string])[],
): Edit {
  const { header, first, end } = copy;
  const anchor = last?.line ?? header;
  const eol = anchor?.eol || eolOf(text);
  const { indent, gap } = last ?? styleOf(copy);
  const place = anchor?.next ?? first?.line.start ?? end;
  const before = place > 0 && text[place - 1] !== '\n' ? eol : '';
  const lines = missing.map(([key, value]) => `${indent}${key}${gap.replace(':', '=')}${value}${eol}`);
  return { start: place, end: place, text: before + lines.join('') };
}

function styleOf({ first, indent = '' }: SectionCopy): Pick<Property, 'indent' | 'gap'> {
  return { indent, gap: first?.gap ?? ' = ' };
}

/** `[ x ]` is another section than `[x]` for most readers. */
function trimmedHeader({ header }: SectionCopy): readonly Edit[] {
  const [bracketed = '', name = ''] = (header && /^\[([^\]]*)\]/.exec(header.text)) ?? [];
  if (!header || name === name.trim()) return [];
  return [{ start: header.start, end: header.start + bracketed.length, text: `[${name.trim()}]` }];
}

/** Our lines, and the section where nothing else is in it. */
function clear(text: string, { header, end, owned, others }: SectionCopy): readonly Edit[] {
  const [first] = owned;
  if (!first) return [];
  if (!header || others.size > 0) return owned.map(({ line }) => cutLine(line));
  return [{ start: header.start - gapBefore(text, header.start, end), end: owned.at(-1)?.line.next ?? end, text: '' }];
}

/** How a reader takes a key of another section for ours, or before ours. */
const ELSEWHERE: Readonly<Partial<Record<NonNullable<IniSink['preset']>, string>>> = {
  s3cmd: 's3cmd ignores sections and takes the last one of the file',
  pgbackrest: 'pgBackRest prefers that of a stanza or command',
};

function warn({ copies, warnings, elsewhere, old }: IniFile, { preset }: IniSink): readonly string[] {
  const last = copies.at(-1);
  const reader = preset && ELSEWHERE[preset];
  const renamed = copies.flatMap(({ owned }) => owned.filter(({ name, key }) => name !== key));
  return [
    ...warnings,
    ...(copies.length > 1
      ? ['the section is there more than once: all keys are in the last, which readers agree on']
      : []),
    ...renamed.map(({ line, key }) => `line ${line.number}: ${key} stood in another case`),
    ...(last && trimmedHeader(last).length > 0 ? ['removed the blanks around the name of the section'] : []),
    ...(reader && elsewhere !== undefined ? [`line ${elsewhere}: a key of ours in another section: ${reader}`] : []),
    ...(old === undefined ? [] : [`line ${old}: an old name of a key of ours: pgBackRest refuses the file with both`]),
    ...(preset === 'rclone' && !last?.others.has('type')
      ? ['rclone needs type = s3 in the section too, and provider']
      : []),
  ];
}
