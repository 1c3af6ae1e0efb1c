import type { AwsCredentialsSink } from '../../core/config.ts';
import type { Credentials, Origin } from '../../core/credentials.ts';
import type { Rendered } from '../contract.ts';
import { awsKeys, securityToken } from './aws-keys.ts';
import type { AwsKeys } from './aws-keys.ts';
import { keyLines, rewriteSection } from './aws-rewrite.ts';
import { findSections, properties } from './aws-sections.ts';
import { fileWarnings, sectionWarnings } from './aws-warnings.ts';
import { refusal, rendered } from './refusal.ts';
import { applyEdits, decodeText, linesOf } from './text.ts';

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
    const { text, encoding, warnings } = decodeText(existing ?? Buffer.alloc(0));
    const sections = findSections(text, profile);
    const inherits = properties(sections.defaults).some(({ key }) => key === securityToken);
    const keys = awsKeys(credentials, sink, origin, inherits);

    const { copies } = sections;
    const eol = linesOf(text).next().value?.eol || '\n';
    // With an exact [x] beside it, a renamed [ x ] would be a duplicate, for which botocore rejects the file.
    const renamed = copies.some(({ header }) => header.name === profile) ? undefined : copies[0];
    const rewrites = copies.map((copy) =>
      rewriteSection(copy, copy === renamed ? profile : copy.header.name, keys, eol),
    );
    const edited = applyEdits(
      text,
      rewrites.flatMap(({ edits }) => edits),
    );
    const result = copies.length > 0 ? edited : appendSection(edited, profile, keys, eol);
    return {
      bytes: Buffer.from(result, encoding),
      warnings: [
        ...warnings,
        ...new Set(rewrites.flatMap((rewrite) => rewrite.warnings)),
        ...sectionWarnings(findSections(result, profile)),
        ...fileWarnings(result, profile),
        ...(inherits && sink.securityToken === 'never'
          ? [`Python readers inherit ${securityToken} from [DEFAULT] and prefer it to the session token`]
          : []),
      ],
    };
  });
}

function requireProfileName(profile: string): void {
  if (/^[ -Z\\^-~]+$/.test(profile) && profile.trim() === profile && profile !== 'DEFAULT') return;
  throw refusal(
    'profile: expected printable ASCII without brackets other than DEFAULT, got another name',
    'choose a profile name of letters, digits and _ - / . % @',
  );
}

/** At the end, after one blank line. */
function appendSection(text: string, profile: string, keys: AwsKeys, eol: string): string {
  const end = text.endsWith('\r\n') ? '\r\n' : text.endsWith('\n') ? '\n' : eol;
  const lines = text === '' || text.endsWith('\n') ? text : text + end;
  const lastLine = lines.slice(lines.lastIndexOf('\n', lines.length - 2) + 1);
  const gap = lastLine.trim() === '' ? '' : end;
  const block = [`[${profile}]`, ...keyLines(keys.required, keys)].map((line) => line + end);
  return lines + gap + block.join('');
}
