import { eolOf, gapBefore, linesOf, MAX_LINES, type Edit, type Line } from '../text.ts';
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

/** Changes copies of a profile's section: the edits of all, and what they change beside the keys. */
export class ProfileEditor {
  readonly edits: Edit[] = [];
  readonly warnings = new Set<string>();
  readonly #text: string;
  readonly #owns: Owns;
  readonly #claim: ClaimKey;

  constructor(text: string, owns: Owns, claim: ClaimKey) {
    this.#text = text;
    this.#owns = owns;
    this.#claim = claim;
  }

  /** Puts the keys into one copy, under the given name. `required`: the lines that it must have, by key. */
  rewrite(section: Section, name: string, lineFor: LineFor, required: ReadonlyMap<string, string>): void {
    const present = new Set<string>();
    let anchor: IniHeader | IniProperty = section.header;
    const lines = section.owned.map((property) => {
      const line = present.has(property.key) ? undefined : lineFor(property);
      if (line !== undefined) {
        present.add(property.key);
        anchor = property;
      }
      return line;
    });
    const missing = [...required].filter(([key]) => !present.has(key)).map(([, line]) => line);
    this.#rewriteHeader(section.header, name);
    if (missing.length > 0) this.#insert(section, anchor, missing);
    for (const [index, property] of section.owned.entries()) this.#replace(section, property, lines[index]);
  }

  /** Takes all that is ours out of one copy, and the copy where nothing but blank lines is left in it. */
  clear(section: Section): void {
    const { header, owned, hasOthers } = section;
    const before = this.edits.length;
    for (const property of owned) this.#replace(section, property, undefined);
    const cuts = this.edits.slice(before);
    const isEmpty = !hasOthers && cuts.every(({ text }) => text.trim() === '');
    if (owned.length === 0 || !isEmpty || header.comment !== '') return;
    const { start, next } = header.line;
    const gap = gapBefore(this.#text, start, cuts.at(-1)?.end ?? next);
    this.edits.push({ start: start - gap, end: next, text: '' });
  }

  #rewriteHeader({ line, name: current, comment }: IniHeader, name: string): void {
    const nameStart = line.start + 1;
    const nameEnd = nameStart + current.length;
    if (current !== name) {
      this.edits.push({ start: nameStart, end: nameEnd, text: name });
      this.warnings.add('removed the blanks around the name of the section');
    }
    if (comment !== '') {
      const commentStart = line.start + line.text.length - comment.length;
      this.edits.push({ start: nameEnd + 1, end: commentStart, text: line.eol || eolOf(this.#text) });
      this.warnings.add('moved the comment after the header of the section to a line of its own');
    }
  }

  /** Below the last line of ours and in its indentation, else below the header. */
  #insert(section: Section, anchor: IniHeader | IniProperty, lines: readonly string[]): void {
    const isHeader = anchor === section.header;
    const indent = isHeader ? (section.indent ?? '') : anchor.indent;
    const { next } = anchor.line;
    const eol = anchor.line.eol || eolOf(this.#text);
    const text = (anchor.line.eol === '' ? eol : '') + lines.map((line) => indent + line + eol).join('');
    this.edits.push({ start: next, end: next, text });
    if (isHeader) this.#rewriteTail(section, { ...anchor, indent, end: section.leadEnd });
  }

  /** `line`: the replacement of a property; undefined: it is removed. */
  #replace(section: Section, property: OwnedProperty, line: string | undefined): void {
    const { start, text, next } = property.line;
    this.edits.push(
      line === undefined
        ? { start, end: next, text: '' }
        : { start, end: start + text.length, text: property.indent + line },
    );
    this.#rewriteTail(section, property);
  }

  /**
   * The lines below a property of ours, up to the next property, without what would become part of our value. Text goes,
   * and so do keys of ours. Foreign settings, which JavaScript, Go, Ruby and PHP read there and Python and Java do not,
   * become lines of their own, which all read alike; where that cannot be, the file is refused.
   */
  #rewriteTail(
    { header }: Section,
    { line: above, indent, end }: Pick<OwnedProperty, 'line' | 'indent' | 'end'>,
  ): void {
    const text = this.#text;
    const start = above.next;
    const parts: string[] = [];
    const settings = new SettingLines(indent, this.#owns, (key) => this.#claim(header.name, key));
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
    for (const warning of settings.warnings) this.warnings.add(warning);
    if (result !== lines)
      this.warnings.add('moved an indented comment to the start of its line, out of the value above it');
    if (result !== text.slice(start, end)) this.edits.push({ start, end, text: result });
  }
}

/** Takes a key for a new property of the section; false when it has one. */
type ClaimKey = (section: string, key: string) => boolean;

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
