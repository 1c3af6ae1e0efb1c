import { finding, type Finding, findingOf, found } from '../../core/findings.ts';
import type { SourceFacts } from '../contract.ts';

/** Reasons why a source gives nothing, or soon will not, that show without asking it. */
export function judgeSource({ name, token, helper, program, file }: SourceFacts, now: number): readonly Finding[] {
  const subject = `source ${name}`;
  const problem = 'its token cannot be used: whoever has to renew it does not';
  return found(
    token && findingOf('token-unusable', { subject, problem }, token),
    helper && findingOf('helper-refused', { subject, problem: 'its program is not run' }, helper),
    judgeProgram(subject, program),
    judgeFile(subject, file, now),
  );
}

/** They ask for a password, a code or a keyring, or open a browser, when a login has ended. */
const ASKING = /^(?:assume|assumego|aws-okta|aws-vault|gimme-aws-creds|go-aws-sso|granted|okta-aws-cli|saml2aws)$/;

function judgeProgram(subject: string, program: string | undefined): Finding | undefined {
  if (program === undefined || !ASKING.test(program)) return undefined;
  return finding('helper-asks', 'warning', subject, {
    problem: `${program} asks on a terminal or in a browser when its login has ended, and an agent has neither`,
    evidence: [`its command runs ${program}`],
    remedy: {
      text: 'have it log in by other means than a person, or use a source that needs nobody: a certificate (Roles Anywhere), a role',
    },
  });
}

/** No session of a role lives longer. */
const LONGEST_MS = 12 * 3_600_000;

function judgeFile(subject: string, file: SourceFacts['file'], now: number): Finding | undefined {
  const { path, writtenAt } = file ?? {};
  if (path === undefined || (writtenAt !== undefined && now - writtenAt <= LONGEST_MS)) return undefined;
  const seen = writtenAt === undefined ? 'no such file' : `written at ${new Date(writtenAt).toISOString()}`;
  return finding('file-not-written', 'warning', subject, {
    problem: `its file is not written any more: ${writtenAt === undefined ? 'it is not there' : 'sessions of roles end after 12 hours'}`,
    evidence: [`${path}: ${seen}`],
    remedy: { text: 'see whether the program that keeps it runs, and what it says' },
  });
}
