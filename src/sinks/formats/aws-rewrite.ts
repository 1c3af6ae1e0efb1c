import type { AwsKeys, Owns } from './aws-keys.ts';
import type { Owned, Section } from './aws-sections.ts';
import { settleTail } from './aws-tail.ts';
import type { IniHeader, IniProperty } from './ini-lines.ts';
import type { Edit } from './text.ts';

export interface Rewrite {
  readonly edits: readonly Edit[];
  readonly warnings: readonly string[];
}

/** One copy of the section of a profile, in its file. */
export interface Copy {
  readonly text: string;
  /** For new lines after one that has none. */
  readonly eol: string;
  readonly section: Section;
  readonly owns: Owns;
  /** Takes a key for a new property of the section; false when it has one. */
  readonly claim: (section: string, key: string) => boolean;
}

/** Puts the keys into one copy of the section, under the given name. `required`: the lines that must stand, by key. */
export function rewriteSection(
  copy: Copy,
  name: string,
  lineFor: AwsKeys['lineFor'],
  required: ReadonlyMap<string, string>,
): Rewrite {
  const { header, owned } = copy.section;
  const standing = new Set<string>();
  let anchor: IniHeader | IniProperty = header;
  const replacements = owned.map((property): Rewrite => {
    const line = standing.has(property.key) ? undefined : lineFor(property);
    if (line !== undefined) {
      standing.add(property.key);
      anchor = property;
    }
    return rewriteProperty(copy, property, line);
  });
  const missing = [...required].filter(([key]) => !standing.has(key)).map(([, line]) => line);
  const insertion = missing.length === 0 ? [] : [insert(copy, anchor, missing)];
  return merged([rewriteHeader(header, name, copy.eol), ...insertion, ...replacements]);
}

/** Takes all that is ours out of one copy of the section. */
export function clearSection(copy: Copy): Rewrite {
  return merged(copy.section.owned.map((property) => rewriteProperty(copy, property, undefined)));
}

function merged(rewrites: readonly Rewrite[]): Rewrite {
  return {
    edits: rewrites.flatMap(({ edits }) => edits),
    warnings: [...new Set(rewrites.flatMap(({ warnings }) => warnings))],
  };
}

/** Below the last line of ours and in its indentation, else below the header. */
function insert(copy: Copy, anchor: IniHeader | IniProperty, lines: readonly string[]): Rewrite {
  const { section, eol: usual } = copy;
  const isHeader = anchor === section.header;
  const indent = isHeader ? (section.indent ?? '') : anchor.indent;
  const { eol, next } = anchor.line;
  const text = (eol === '' ? usual : '') + lines.map((line) => indent + line + (eol || usual)).join('');
  const insertion = { edits: [{ start: next, end: next, text }], warnings: [] };
  return isHeader ? merged([insertion, rewriteTail(copy, { ...anchor, indent, end: section.leadEnd })]) : insertion;
}

/** `line`: what is to stand instead of a property; undefined: it goes. */
function rewriteProperty(copy: Copy, property: Owned, line: string | undefined): Rewrite {
  const { start, text, next } = property.line;
  const edit =
    line === undefined
      ? { start, end: next, text: '' }
      : { start, end: start + text.length, text: property.indent + line };
  return merged([{ edits: [edit], warnings: [] }, rewriteTail(copy, property)]);
}

function rewriteTail(
  { text, section, owns, claim }: Copy,
  { line, indent, end }: Pick<Owned, 'line' | 'indent' | 'end'>,
): Rewrite {
  const tail = { start: line.next, end, number: line.number + 1, indent };
  const settled = settleTail(text, tail, owns, (key) => claim(section.header.name, key));
  const edits = settled.text === text.slice(tail.start, end) ? [] : [{ start: tail.start, end, text: settled.text }];
  return { edits, warnings: settled.warnings };
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
