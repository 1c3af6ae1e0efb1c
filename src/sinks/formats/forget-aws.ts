import type { AwsCredentialsSink } from '../../core/config.ts';
import type { Forgotten } from '../contract.ts';
import { Findings } from './aws-findings.ts';
import { forgottenKeys } from './aws-keys.ts';
import { clearSection, type Copy } from './aws-rewrite.ts';
import { readSections } from './aws-sections.ts';
import { withoutMarker } from './marker.ts';
import { rendered } from './refusal.ts';
import { applyEdits, decodeText } from './text.ts';
import type { Edit } from './text.ts';

/** Takes our keys out of the profile, and the profile out of the file when nothing but blank lines is left in it. */
export function forgetAwsCredentials(existing: Buffer, sink: AwsCredentialsSink): Forgotten {
  return rendered(() => {
    const { text, encoding, warnings } = decodeText(existing);
    const owns = forgottenKeys(sink);
    const findings = new Findings(sink.profile, owns);
    const { exact } = readSections(text, sink.profile, owns, findings.see);
    const cuts = exact.map((section) => cutSection({ text, eol: '\n', section, owns, has: findings.has }));
    const edits = cuts.flatMap((cut) => cut.edits);
    const rest = withoutMarker(
      withoutGap(
        applyEdits(text, edits),
        cuts.some(({ end }) => end === text.length),
      ),
    );
    return {
      bytes: edits.length === 0 ? existing : rest === undefined ? undefined : Buffer.from(rest, encoding),
      keyIds: exact.flatMap(({ owned }) =>
        owned.filter(({ key }) => key === 'aws_access_key_id').map(({ value }) => value),
      ),
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

function cutSection(copy: Copy): Cut {
  const cut = clearSection(copy);
  const { header, owned, hasOthers } = copy.section;
  const isEmpty = !hasOthers && cut.edits.every(({ text }) => text.trim() === '');
  if (owned.length === 0 || !isEmpty || header.comment !== '') return cut;
  const edits = [{ start: header.line.start, end: header.line.next, text: '' }, ...cut.edits];
  return { ...cut, edits, end: cut.edits.at(-1)?.end ?? header.line.next };
}

/** The blank line before a section that ends the file was made with it. */
function withoutGap(text: string, isSectionGone: boolean): string {
  return isSectionGone ? text.replace(/(?<=\n)\r?\n$/, '') : text;
}
