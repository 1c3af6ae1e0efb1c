import type { AwsCredentialsSink } from '../../core/config.ts';
import type { Forgotten } from '../contract.ts';
import { forgottenKeys } from './aws-keys.ts';
import { rewriteLines } from './aws-rewrite.ts';
import { properties, readSections } from './aws-sections.ts';
import type { Section } from './aws-sections.ts';
import { rendered } from './refusal.ts';
import { applyEdits, decodeText } from './text.ts';
import type { Edit } from './text.ts';

/** Takes our keys out of the profile, and the profile out of the file when nothing but blank lines is left in it. */
export function forgetAwsCredentials(existing: Buffer, sink: AwsCredentialsSink): Forgotten {
  return rendered(() => {
    const { text, encoding, warnings } = decodeText(existing);
    const { copies } = readSections(text, sink.profile);
    const keyIds = properties(copies).filter(({ key }) => key === 'aws_access_key_id');
    const cuts = copies.map((copy) => cutSection(copy, forgottenKeys(sink)));
    const edits = cuts.flatMap((cut) => cut.edits);
    const rest = withoutGap(
      applyEdits(text, edits),
      cuts.some(({ end }) => end === text.length),
    );
    return {
      bytes: edits.length === 0 ? existing : rest.trim() === '' ? undefined : Buffer.from(rest, encoding),
      keyIds: keyIds.map(({ line }) => line.text.slice(line.text.search(/[=:]/) + 1).trim()),
      warnings: edits.length === 0 ? [] : [...warnings, ...cuts.flatMap((cut) => cut.warnings)],
    };
  });
}

interface Cut {
  readonly edits: readonly Edit[];
  readonly warnings: readonly string[];
  /** Where the section ended, if it goes. */
  readonly end?: number;
}

function cutSection(section: Section, keys: ReadonlySet<string>): Cut {
  const values = new Map([...keys].map((key) => [key, undefined]));
  const cut = rewriteLines(section, { values, required: [] }, new Map(), undefined);
  const lines = new Set(cut.edits.map(({ start }) => start));
  const isEmpty = section.lines.every(({ kind, line }) => kind !== 'comment' && lines.has(line.start));
  const { line: header, comment } = section.header;
  if (cut.edits.length === 0 || !isEmpty || comment !== '') return cut;
  const edits = [{ start: header.start, end: header.next, text: '' }, ...cut.edits];
  return { ...cut, edits, end: Math.max(...edits.map((edit) => edit.end)) };
}

/** The blank line before a section that ends the file was made with it. */
function withoutGap(text: string, isSectionGone: boolean): string {
  return isSectionGone ? text.replace(/(?<=\n)\r?\n$/, '') : text;
}
