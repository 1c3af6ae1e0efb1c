import type { AwsCredentialsSink } from '../../../core/config.ts';
import type { Credentials, Origin } from '../../../core/credentials.ts';
import { SECURITY_TOKEN } from '../../../core/owned.ts';
import type { Rendered } from '../../contract.ts';
import { applyEdits, decodeText, linesOf, refusal, rendered, startOf } from '../text.ts';
import { awsKeys } from './keys.ts';
import { Readers } from './readers.ts';
import { rewriteSection } from './rewrite.ts';
import { garbage, readSections, type Section, type Sections } from './sections.ts';

/** One profile of a shared credentials file. Refuses a file that some SDK would reject or not use afterwards. */
export function renderAwsCredentials(
  existing: Buffer | undefined,
  credentials: Credentials,
  sink: AwsCredentialsSink,
  origin: Origin,
): Rendered {
  return rendered(() => {
    const { profile } = sink;
    requireProfileName(profile);
    const { text, encoding, warnings } = decodeText(existing ?? startOf(sink));
    const { owns, lineFor, required } = awsKeys(credentials, sink, origin);
    const readers = new Readers(profile, owns);
    const copies = copiesOf(readSections(text, profile, owns, readers.see));
    readers.refuse();
    const eol = linesOf(text).next().value?.eol || '\n';
    const lines = required(readers.inheritsToken);
    const rewrites = copies.map((section) =>
      rewriteSection({ text, eol, section, owns, claim: readers.claim }, profile, lineFor, lines),
    );
    const edited = applyEdits(
      text,
      rewrites.flatMap(({ edits }) => edits),
    );
    const result = copies.length > 0 ? edited : appendSection(edited, profile, [...lines.values()], eol);
    const rewritten = new Set(rewrites.flatMap((rewrite) => rewrite.warnings));
    const inherited = readers.inheritsToken && sink.securityToken === 'never' ? [INHERITED] : [];
    return {
      bytes: Buffer.from(result, encoding),
      warnings: [...warnings, ...rewritten, ...readers.warnings, ...inherited],
    };
  });
}

const INHERITED = `Python readers inherit ${SECURITY_TOKEN} from [DEFAULT] and prefer it to the session token`;

function requireProfileName(profile: string): void {
  if (/^[ -Z\\^-~]+$/.test(profile) && profile.trim() === profile && profile !== 'DEFAULT') return;
  throw refusal(
    'profile: expected printable ASCII without brackets other than DEFAULT, got another name',
    'choose a profile name of letters, digits and _ - / . % @ : +',
  );
}

/** The copies to write. Beside one of exactly the name, one with blanks around it is another profile of botocore's. */
function copiesOf({ exact, similar }: Sections): readonly Section[] {
  const [first] = similar;
  if (first === undefined) return exact;
  if (exact.length === 0 && similar.length === 1) return similar;
  throw garbage(
    first.header.line,
    'one name for the profile',
    'blanks around it, which make it another for some readers',
  );
}

/** At the end, after one blank line. */
function appendSection(text: string, profile: string, lines: readonly string[], eol: string): string {
  const end = text.endsWith('\r\n') ? '\r\n' : text.endsWith('\n') ? '\n' : eol;
  const above = text === '' || text.endsWith('\n') ? text : text + end;
  const lastLine = above.slice(above.lastIndexOf('\n', above.length - 2) + 1);
  const gap = lastLine.trim() === '' ? '' : end;
  return above + gap + [`[${profile}]`, ...lines].map((line) => line + end).join('');
}
