import type { Finding } from '../core/findings.ts';
import type { ProfileFacts, SinkFacts } from './contract.ts';

/** Profiles whose keys other settings hide, and a profile that hides other settings. */
export function judgeProfile({ path, profile }: SinkFacts): readonly Finding[] {
  return profile ? [...judgeShadows(path, profile), ...judgeDefault(path, profile)] : [];
}

function judgeShadows(subject: string, { name, others }: ProfileFacts): readonly Finding[] {
  if (others.length === 0) return [];
  // Most SDKs take static keys before a program, and then it is the program that is never asked.
  const isHarmless = others.every(({ key }) => key === 'credential_process');
  return [
    {
      id: 'profile-shadowed',
      severity: isHarmless ? 'warning' : 'error',
      subject,
      problem: isHarmless
        ? `SDKs disagree on whether profile ${name} means its keys or its credential_process`
        : `SDKs get the credentials of profile ${name} another way, and do not use its keys`,
      evidence: others.map(({ key, where }) => `${where}: ${key}`),
      remedy: { text: 'give the sink a profile of its own, or remove those lines', line: 'profile: role-keys' },
    },
  ];
}

function judgeDefault(subject: string, { name, isRoots }: ProfileFacts): readonly Finding[] {
  if (name !== 'default' || !isRoots) return [];
  return [
    {
      id: 'default-profile',
      severity: 'warning',
      subject,
      problem: "every AWS tool that root runs takes these keys, whatever the instance's role would give it",
      evidence: [`the sink writes [default] of root's own credentials file`],
      remedy: {
        text: 'use another profile and name it to the application (AWS_PROFILE=app), or another file',
        line: 'profile: app',
      },
    },
  ];
}
