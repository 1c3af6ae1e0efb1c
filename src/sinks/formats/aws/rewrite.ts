import { linesOf, MAX_LINES, type Edit, type Line } from '../text.ts';
import { OTHER_WAYS, otherWay } from './readers.ts';
import {
  garbage,
  indentOf,
  isComment,
  settingOf,
  type IniHeader,
  type IniProperty,
  type LineFor,
  type OwnedProperty,
  type Owns,
  type Section,
  type ProfileSetting,
} from './sections.ts';

export interface Rewrite {
  readonly edits: readonly Edit[];
  readonly warnings: readonly string[];
}

/** A section of a profile, with its file. */
export interface ProfileCopy {
  readonly text: string;
  /** For new lines after one that has none. */
  readonly eol: string;
  readonly section: Section;
  readonly owns: Owns;
  /** Takes a key for a new property of the section; false when it has one. */
  readonly claim: (section: string, key: string) => boolean;
}

/**
 * Puts the keys into one copy of the section, under the given name. `required`: the lines that it must have, by key.
 */
export function rewriteSection(
  copy: ProfileCopy,
  name: string,
  lineFor: LineFor,
  required: ReadonlyMap<string, string>,
): Rewrite {
  const { header, owned } = copy.section;
  const present = new Set<string>();
  let anchor: IniHeader | IniProperty = header;
  const replacements = owned.map((property): Rewrite => {
    const line = present.has(property.key) ? undefined : lineFor(property);
    if (line !== undefined) {
      present.add(property.key);
      anchor = property;
    }
    return rewriteProperty(copy, property, line);
  });
  const missing = [...required].filter(([key]) => !present.has(key)).map(([, line]) => line);
  const insertion = missing.length === 0 ? [] : [insert(copy, anchor, missing)];
  return merged([rewriteHeader(header, name, copy.eol), ...insertion, ...replacements]);
}

/** Takes all that is ours out of one copy of the section. */
export function clearSection(copy: ProfileCopy): Rewrite {
  return merged(copy.section.owned.map((property) => rewriteProperty(copy, property, undefined)));
}

function merged(rewrites: readonly Rewrite[]): Rewrite {
  return {
    edits: rewrites.flatMap(({ edits }) => edits),
    warnings: [...new Set(rewrites.flatMap(({ warnings }) => warnings))],
  };
}

/** Below the last line of ours and in its indentation, else below the header. */
function insert(copy: ProfileCopy, anchor: IniHeader | IniProperty, lines: readonly string[]): Rewrite {
  const { section, eol: usual } = copy;
  const isHeader = anchor === section.header;
  const indent = isHeader ? (section.indent ?? '') : anchor.indent;
  const { eol, next } = anchor.line;
  const text = (eol === '' ? usual : '') + lines.map((line) => indent + line + (eol || usual)).join('');
  const insertion = { edits: [{ start: next, end: next, text }], warnings: [] };
  return isHeader ? merged([insertion, rewriteTail(copy, { ...anchor, indent, end: section.leadEnd })]) : insertion;
}

/** `line`: the replacement of a property; undefined: it is removed. */
function rewriteProperty(copy: ProfileCopy, property: OwnedProperty, line: string | undefined): Rewrite {
  const { start, text, next } = property.line;
  const edit =
    line === undefined
      ? { start, end: next, text: '' }
      : { start, end: start + text.length, text: property.indent + line };
  return merged([{ edits: [edit], warnings: [] }, rewriteTail(copy, property)]);
}

function rewriteHeader({ line, name: current, comment }: IniHeader, name: string, eol: string): Rewrite {
  const edits: Edit[] = [];
  const warnings: string[] = [];
  const nameStart = line.start + 1;
  const nameEnd = nameStart + current.length;
  if (current !== name) {
    edits.push({ start: nameStart, end: nameEnd, text: name });
    warnings.push('removed the blanks around the name of the section');
  }
  if (comment !== '') {
    const commentStart = line.start + line.text.length - comment.length;
    edits.push({ start: nameEnd + 1, end: commentStart, text: line.eol || eol });
    warnings.push('moved the comment after the header of the section to a line of its own');
  }
  return { edits, warnings };
}

/**
 * The lines below a property of ours, up to the next property, without what would become part of our value. Text goes,
 * and so do keys of ours. Foreign settings, which JavaScript, Go, Ruby and PHP read there and Python and Java do not,
 * become lines of their own, which all read alike; where that cannot be, the file is refused.
 */
function rewriteTail(
  { text, section, owns, claim }: ProfileCopy,
  { line: above, indent, end }: Pick<OwnedProperty, 'line' | 'indent' | 'end'>,
): Rewrite {
  const start = above.next;
  const parts: string[] = [];
  const settings = new SettingLines(indent, owns, (key) => claim(section.header.name, key));
  let kept = start;
  for (const line of linesOf(text, start, above.number + 1, end)) {
    const width = indentOf(line.text).length;
    const body = line.text.slice(width);
    // A line that is not indented deeper than the property does not continue its value.
    if (width <= indent.length || body.trim() === '' || isComment(body)) continue;
    parts.push(text.slice(kept, line.start), settings.lineFor(line, body, width));
    kept = line.next;
  }
  const lines = parts.join('') + text.slice(kept, end);
  // Java, Rust and CRT readers know comments at the start of a line only: these would become part of our value.
  const result = lines.replaceAll(new RegExp(`(^|\\n)[ \\t]{${indent.length + 1},}(?=[#;])`, 'g'), '$1');
  const moved =
    result === lines ? [] : ['moved an indented comment to the start of its line, out of the value above it'];
  return {
    edits: result === text.slice(start, end) ? [] : [{ start, end, text: result }],
    warnings: [...settings.warnings, ...moved],
  };
}

class SettingLines {
  readonly warnings: string[] = [];
  readonly #indent: string;
  readonly #owns: Owns;
  readonly #claim: (key: string) => boolean;
  #count = 0;
  /** Of those that become properties. */
  #width: number | undefined;
  #parent: ProfileSetting | undefined;

  constructor(indent: string, owns: Owns, claim: (key: string) => boolean) {
    this.#indent = indent;
    this.#owns = owns;
    this.#claim = claim;
  }

  /** The replacement of a line that continues a value of ours. */
  lineFor(line: Line, body: string, width: number): string {
    const setting = BASE64.test(body) ? undefined : settingOf(body);
    const isForeign = setting !== undefined && !this.#owns(setting);
    // JavaScript continues the block at any width; Python does not.
    if (this.#parent?.value === '' && this.#width === width) throw unclear(line);
    if (isForeign) return this.#keep(line, setting, width);
    if (this.#width === undefined || (setting && this.#width === width)) return '';
    throw unclear(line);
  }

  #keep(line: Line, setting: ProfileSetting, width: number): string {
    if (this.#width === undefined) {
      this.warnings.push(`line ${line.number}: a setting that was indented below a key of ours got a line of its own`);
    }
    this.#width ??= width;
    if (setting.delimiter !== '=' || ++this.#count > MAX_LINES) throw unclear(line);
    if (width <= this.#width || this.#parent?.value !== '') this.#adopt(line, setting, width);
    return this.#indent + line.text.slice(this.#width) + line.eol;
  }

  #adopt(line: Line, setting: ProfileSetting, width: number): void {
    const { key } = setting;
    if (OTHER_WAYS.has(key)) throw otherWay(line, key);
    if (width !== this.#width || key === '' || !this.#claim(key)) throw unclear(line);
    this.#parent = setting;
  }
}

/** Of a wrapped token rather than a key. */
const BASE64 = /^[A-Za-z0-9+/]{20,}={0,2}\s*$/;

function unclear(line: Line): Error {
  return garbage(line, 'a setting of its own or none', 'one that readers take in different ways below a key of ours');
}
