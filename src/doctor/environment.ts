import type { Finding } from '../core/findings.ts';
import type { ConsumerFacts, UnitFacts, VariableFacts } from './contract.ts';

/** The variables that are looked for in the environment of a unit. */
export const SHADOWS = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SECURITY_TOKEN',
  'AWS_PROFILE',
  'AWS_SHARED_CREDENTIALS_FILE',
] as const;

/** What the environment of a unit does to the files that it should read. */
export function judgeEnvironment(consumer: ConsumerFacts): readonly Finding[] {
  const { unit } = consumer;
  return unit?.isThere ? [...judgeVariables(consumer, unit), ...judgeFiles(consumer, unit)] : [];
}

function judgeVariables(consumer: ConsumerFacts, unit: UnitFacts): readonly Finding[] {
  const shadows = unit.environment.filter((variable) => isShadow(variable, consumer, unit));
  if (shadows.length === 0) return [];
  return [
    {
      id: 'environment-shadows',
      severity: 'error',
      subject: consumer.name,
      problem: `the environment of ${unit.name} stands before the sinks of this consumer`,
      evidence: shadows.map(({ name, from, value }) => `${from}: ${name}${value === undefined ? '' : `=${value}`}`),
      remedy: { text: 'take those variables out of the unit', line: `sudo systemctl edit ${unit.name}` },
    },
  ];
}

/** Keys in the environment win over every file; a profile or a path leads elsewhere than to our sink. */
function isShadow({ name, from, value }: VariableFacts, { sinks }: ConsumerFacts, unit: UnitFacts): boolean {
  const profiles = sinks.filter(({ format }) => format === 'aws-credentials');
  if (name === 'AWS_PROFILE') return profiles.length > 0 && profiles.every(({ profile }) => profile !== value);
  if (name === 'AWS_SHARED_CREDENTIALS_FILE')
    return profiles.length > 0 && profiles.every(({ path }) => path !== value);
  if (sinks.some(({ path }) => path === from)) return false;
  const files = sinks.filter(({ path }) => unit.environmentFiles.includes(path));
  return profiles.length > 0 || (files.length > 0 && comesLater(from, unit, files[0]?.path));
}

/** Of several files, the last one that sets a variable wins, and every file over Environment=. */
function comesLater(from: string, { environmentFiles }: UnitFacts, sink = ''): boolean {
  return environmentFiles.indexOf(from) > environmentFiles.indexOf(sink);
}

/** systemd reads an EnvironmentFile= when it starts the unit, and never again. */
function judgeFiles({ name, told, sinks }: ConsumerFacts, unit: UnitFacts): readonly Finding[] {
  const files = sinks.map(({ path }) => path).filter((path) => unit.environmentFiles.includes(path));
  if (files.length === 0 || told === 'restart' || told === 'hook') return [];
  return [
    {
      id: 'environment-file-reload',
      severity: 'error',
      subject: name,
      problem: `${unit.name} is notified by a ${told}, but reads its EnvironmentFile= only when it starts`,
      evidence: files.map((path) => `${unit.name} has EnvironmentFile=${path}`),
      remedy: { text: 'have it restarted', line: `${name}: { type: systemd, unit: ${unit.name}, action: restart }` },
    },
  ];
}
