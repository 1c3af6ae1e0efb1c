import type { AwsKeys } from './aws-keys.ts';
import { properties } from './aws-sections.ts';
import type { Section } from './aws-sections.ts';
import type { IniHeader } from './ini-lines.ts';
import type { Edit, Line } from './text.ts';

export interface Rewrite {
  readonly edits: readonly Edit[];
  readonly warnings: readonly string[];
}

/** Puts the keys into one copy of the section, under the given name. `eol`: for new lines after one that has none. */
export function rewriteSection(section: Section, name: string, keys: AwsKeys, eol: string): Rewrite {
  const standing = new Map<string, Line>();
  let anchor: Line = section.header;
  let indent = properties([section])[0]?.indent ?? '';
  for (const line of properties([section])) {
    if (keys.values.get(line.key) === undefined || standing.has(line.key)) continue;
    standing.set(line.key, line);
    anchor = line;
    indent = line.indent;
  }
  const missing = keys.required.filter((key) => !standing.has(key));
  const added = keyLines(missing, keys).map((line) => indent + line + (anchor.eol || eol));
  const addedUnderHeader = added.length > 0 && anchor === section.header;

  const header = rewriteHeader(section.header, name, eol);
  const lines = rewriteLines(section, keys, standing, addedUnderHeader ? indent.length : undefined);
  const insertion =
    added.length > 0
      ? [{ start: anchor.next, end: anchor.next, text: (anchor.eol === '' ? eol : '') + added.join('') }]
      : [];
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
function rewriteLines(
  section: Section,
  keys: AwsKeys,
  standing: ReadonlyMap<string, Line>,
  width: number | undefined,
): Rewrite {
  const edits: Edit[] = [];
  const warnings: string[] = [];
  let oursAbove = width;
  for (const line of section.lines) {
    if (line.kind === 'property') {
      oursAbove = keys.values.has(line.key) ? line.indent.length : undefined;
      if (oursAbove === undefined) continue;
      const kept = standing.get(line.key) === line ? keyLines([line.key], keys) : [];
      const end = kept.length > 0 ? line.start + line.text.length : line.next;
      edits.push({ start: line.start, end, text: kept.map((text) => line.indent + text).join('') });
    } else if (oursAbove === undefined || line.indent.length <= oursAbove) {
      continue;
    } else if (line.kind === 'continuation') {
      edits.push({ start: line.start, end: line.next, text: '' });
    } else if (line.kind === 'comment') {
      // Java, Rust and CRT readers know comments at the start of a line only: this one would become part of our value.
      edits.push({ start: line.start, end: line.start + line.indent.length, text: '' });
      warnings.push('moved an indented comment to the start of its line, out of the value above it');
    }
  }
  return { edits, warnings };
}

function rewriteHeader(header: IniHeader, name: string, eol: string): Rewrite {
  const edits: Edit[] = [];
  const warnings: string[] = [];
  const nameStart = header.start + 1;
  const nameEnd = nameStart + header.name.length;
  if (header.name !== name) {
    edits.push({ start: nameStart, end: nameEnd, text: name });
    warnings.push('removed the blanks around the name of the section');
  }
  if (header.comment !== '') {
    const end = header.start + header.text.length;
    edits.push({ start: nameEnd + 1, end: end - header.comment.length, text: header.eol || eol });
    warnings.push('moved the comment after the header of the section to a line of its own');
  }
  return { edits, warnings };
}
