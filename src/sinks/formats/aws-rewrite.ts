import type { AwsKeys } from './aws-keys.ts';
import { properties } from './aws-sections.ts';
import type { Section } from './aws-sections.ts';
import type { IniHeader, IniProperty } from './ini-lines.ts';
import type { Edit } from './text.ts';

export interface Rewrite {
  readonly edits: readonly Edit[];
  readonly warnings: readonly string[];
}

/** Puts the keys into one copy of the section, under the given name. `eol`: for new lines after one that has none. */
export function rewriteSection(section: Section, name: string, keys: AwsKeys, eol: string): Rewrite {
  const standing = new Map<string, IniProperty>();
  let anchor: IniHeader | IniProperty = section.header;
  let indent = properties([section])[0]?.indent ?? '';
  for (const property of properties([section])) {
    if (keys.values.get(property.key) === undefined || standing.has(property.key)) continue;
    standing.set(property.key, property);
    anchor = property;
    indent = property.indent;
  }
  const missing = keys.required.filter((key) => !standing.has(key));
  const above = anchor.line;
  const added = keyLines(missing, keys).map((line) => indent + line + (above.eol || eol));
  const text = (above.eol === '' ? eol : '') + added.join('');
  const insertion = added.length > 0 ? [{ start: above.next, end: above.next, text }] : [];
  const header = rewriteHeader(section.header, name, eol);
  const lines = rewriteLines(
    section,
    keys,
    standing,
    added.length > 0 && anchor === section.header ? indent.length : undefined,
  );
  return {
    edits: [...header.edits, ...insertion, ...lines.edits],
    warnings: [...header.warnings, ...lines.warnings],
  };
}

/** `key = value`, in the order given; keys without a value are left out. */
export function keyLines(names: readonly string[], { values }: AwsKeys): string[] {
  return names.flatMap((key) => {
    const value = values.get(key);
    return value === undefined ? [] : [`${key} = ${value}`];
  });
}

/**
 * Replaces the lines that stand for a key, removes every other line of ours and all that continues one. `width`: of
 * the indentation of the lines that are put under the header, if any are.
 */
export function rewriteLines(
  section: Section,
  keys: AwsKeys,
  standing: ReadonlyMap<string, IniProperty>,
  width: number | undefined,
): Rewrite {
  const edits: Edit[] = [];
  const warnings: string[] = [];
  let oursAbove = width;
  for (const entry of section.lines) {
    const { kind, line, indent } = entry;
    if (kind === 'property') {
      oursAbove = keys.values.has(entry.key) ? indent.length : undefined;
      if (oursAbove === undefined) continue;
      const kept = standing.get(entry.key) === entry ? keyLines([entry.key], keys) : [];
      const end = kept.length > 0 ? line.start + line.text.length : line.next;
      edits.push({ start: line.start, end, text: kept.map((text) => indent + text).join('') });
    } else if (oursAbove === undefined || indent.length <= oursAbove) {
      continue;
    } else if (kind === 'continuation') {
      edits.push({ start: line.start, end: line.next, text: '' });
    } else {
      // Java, Rust and CRT readers know comments at the start of a line only: this one would become part of our value.
      edits.push({ start: line.start, end: line.start + indent.length, text: '' });
      warnings.push('moved an indented comment to the start of its line, out of the value above it');
    }
  }
  return { edits, warnings };
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
