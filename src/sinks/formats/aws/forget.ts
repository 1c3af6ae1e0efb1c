import type { AwsCredentialsSink } from '../../../core/config.ts';
import type { Forgotten } from '../../contract.ts';
import { applyEdits, decodeText, rendered, withoutMarker } from '../text.ts';
import { forgottenKeys } from './keys.ts';
import { Readers } from './readers.ts';
import { clearSection, type Copy, type Rewrite } from './rewrite.ts';
import { readSections } from './sections.ts';

/** Takes our keys out of the profile, and the profile out of the file when nothing but blank lines is left in it. */
export function forgetAwsCredentials(existing: Buffer, sink: AwsCredentialsSink): Forgotten {
  return rendered(() => {
    const { text, encoding, warnings } = decodeText(existing);
    const owns = forgottenKeys(sink);
    const readers = new Readers(sink.profile, owns);
    const { exact } = readSections(text, sink.profile, owns, readers.see);
    const cuts = exact.map((section) => cutSection({ text, eol: '\n', section, owns, claim: readers.claim }));
    const edits = cuts.flatMap((cut) => cut.edits);
    const rest = withoutMarker(applyEdits(text, edits));
    return {
      bytes: edits.length === 0 ? existing : rest === undefined ? undefined : Buffer.from(rest, encoding),
      keyIds: exact.flatMap(({ owned }) =>
        owned.filter(({ key }) => key === 'aws_access_key_id').map(({ value }) => value),
      ),
      warnings: edits.length === 0 ? [] : [...warnings, ...cuts.flatMap((cut) => cut.warnings)],
    };
  });
}

function cutSection(copy: Copy): Rewrite {
  const cut = clearSection(copy);
  const { header, owned, hasOthers } = copy.section;
  const isEmpty = !hasOthers && cut.edits.every(({ text }) => text.trim() === '');
  if (owned.length === 0 || !isEmpty || header.comment !== '') return cut;
  const { start, next } = header.line;
  const gap = gapOf(copy.text, start, cut.edits.at(-1)?.end ?? next);
  return { ...cut, edits: [{ start: start - gap, end: next, text: '' }, ...cut.edits] };
}

/** Length of the blank line before a section, which was made with it; 0 where it is needed between others. */
function gapOf(text: string, start: number, end: number): number {
  const isNeeded = end < text.length && !/^\r?\n/.test(text.slice(end, end + 2));
  return isNeeded ? 0 : (/(?<=\n)\r?\n$/.exec(text.slice(Math.max(0, start - 3), start))?.[0].length ?? 0);
}
