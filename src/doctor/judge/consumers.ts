import { finding, type Finding, findingOf, found, type Remedy } from '../../core/findings.ts';
import type { ProspectiveProcess } from '../../core/outcomes.ts';
import { shellWord } from '../../core/printable.ts';
import type { ConsumerFacts, UnitFacts, VariableFacts } from '../contract.ts';

/** Units that cannot be notified as configured, or that a signal may end for good. */
export function judgeUnit(consumer: ConsumerFacts): readonly Finding[] {
  const { name, unit } = consumer;
  if (!unit) return [];
  if (!unit.isThere) return [missing(name, unit)];
  return found(judgeReload(name, unit), judgeRestart(consumer, unit));
}

function missing(subject: string, { name }: UnitFacts): Finding {
  return finding('unit-missing', 'error', subject, {
    problem: `there is no unit ${name}, so that nobody is notified`,
    evidence: [`systemctl show ${name}: LoadState=not-found`],
    remedy: { text: 'correct its name in the configuration', line: 'systemctl list-units --type=service' },
  });
}

function judgeReload(subject: string, { name, action, canReload }: UnitFacts): Finding | undefined {
  if (canReload || (action !== 'reload' && action !== 'try-reload-or-restart')) return undefined;
  const never = action === 'reload';
  return finding('unit-cannot-reload', never ? 'error' : 'note', subject, {
    problem: never
      ? `${name} cannot reload, so that it is never notified`
      : `${name} cannot reload: it is restarted, when the credentials that it uses are about to expire`,
    evidence: [`systemctl show ${name}: CanReload=no`],
    remedy: never
      ? { text: 'restart it instead', line: 'action: try-reload-or-restart' }
      : { text: 'nothing, if it may be restarted every few hours; else give the unit an ExecReload=' },
  });
}

/** systemd takes death by SIGHUP for success, so that Restart=on-failure does not bring the unit back. */
function judgeRestart({ name: subject, notifiedBy, processes }: ConsumerFacts, unit: UnitFacts): Finding | undefined {
  const isSure = processes.length > 0 && processes.every(({ error }) => !error);
  if (notifiedBy !== 'signal' || unit.restart === 'always' || isSure) return undefined;
  return finding('unit-stays-down', 'warning', subject, {
    problem: `a signal that ${unit.name} does not handle would end it, and nothing would start it again`,
    evidence: [`systemctl show ${unit.name}: Restart=${unit.restart}`],
    remedy: {
      text: 'let systemd restart it whatever ends it',
      line: `sudo systemctl edit ${unit.name}   # [Service] Restart=always`,
    },
  });
}

/** The variables that are looked for in the environment of a unit. */
export const SHADOWS = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SECURITY_TOKEN',
  'AWS_PROFILE',
  'AWS_SHARED_CREDENTIALS_FILE',
] as const;

/** Settings in the environment of a unit that keep it from using its sinks. */
export function judgeEnvironment(consumer: ConsumerFacts): readonly Finding[] {
  const { unit } = consumer;
  return unit?.isThere ? found(judgeVariables(consumer, unit), judgeFiles(consumer, unit)) : [];
}

function judgeVariables(consumer: ConsumerFacts, unit: UnitFacts): Finding | undefined {
  const shadows = unit.environment.filter((variable) => isShadow(variable, consumer, unit));
  if (shadows.length === 0) return undefined;
  return finding('environment-shadows', 'error', consumer.name, {
    problem: `the environment of ${unit.name} overrides the sinks of this consumer`,
    evidence: shadows.map(({ name, from, value }) => `${from}: ${name}${value === undefined ? '' : `=${value}`}`),
    remedy: { text: 'take those variables out of the unit', line: `sudo systemctl edit ${unit.name}` },
  });
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
function judgeFiles({ name, notifiedBy, sinks }: ConsumerFacts, unit: UnitFacts): Finding | undefined {
  const files = sinks.map(({ path }) => path).filter((path) => unit.environmentFiles.includes(path));
  if (files.length === 0 || notifiedBy === 'restart' || notifiedBy === 'hook') return undefined;
  return finding('environment-file-reload', 'error', name, {
    problem: `${unit.name} is notified by a ${notifiedBy}, but reads its EnvironmentFile= only when it starts`,
    evidence: files.map((path) => `${unit.name} has EnvironmentFile=${path}`),
    remedy: { text: 'restart it instead', line: `${name}: { type: systemd, unit: ${unit.name}, action: restart }` },
  });
}

export function judgeSignals({ name, processes }: ConsumerFacts): readonly Finding[] {
  return found(...processes.map((process) => judgeSignal(name, process)));
}

function judgeSignal(subject: string, { pid, program, error }: ProspectiveProcess): Finding | undefined {
  if (!error) return undefined;
  const problem = `a notification would not reach pid ${pid}${program === undefined ? '' : ` (${program})`}`;
  return findingOf('signal-not-handled', { subject, problem }, error);
}

const RESTART: Remedy = { text: 'restart it instead', line: '{ type: systemd, unit: NAME.service, action: restart }' };

/** From its json sink, if it has one: a program that reads that need not reach the metadata service. */
function asking(sinks: ConsumerFacts['sinks']): Remedy {
  const sink = sinks.find(({ format }) => format === 'json');
  const from = sink ? ` --from ${shellWord(sink.path)}` : '';
  return {
    text: 'restart it instead, or let it ask for itself, in ~/.aws/config',
    line: `credential_process = /usr/bin/credrotate export --format process${from}`,
  };
}

/** Tried, or said by their makers. Remounting is what a restart of the unit does. */
const PROGRAMS: Readonly<Record<string, readonly [habit: string, remedy: typeof asking]>> = {
  s3fs: ['reads its credentials when it mounts', () => RESTART],
  rclone: ['reads its credentials when it starts; SIGHUP ends rclone serve', () => RESTART],
  vector: ['keeps what it read at its start, even on SIGHUP', asking],
  'fluent-bit': ['reads them again only in some of its outputs', () => RESTART],
};

/** The AWS SDKs of these read the file once for each session or client; only the program's author can change that. */
const RUNTIMES: Readonly<Record<string, string>> = {
  node: 'JavaScript',
  python: 'Python',
  ruby: 'Ruby',
};

export function judgeReading(consumer: ConsumerFacts): readonly Finding[] {
  return found(...consumer.processes.map((process) => judgeProgram(consumer, process)));
}

function judgeProgram(
  { name, notifiedBy, sinks }: ConsumerFacts,
  { pid, program = '' }: ProspectiveProcess,
): Finding | undefined {
  if (notifiedBy !== 'reload' && notifiedBy !== 'signal') return undefined;
  const [habit, remedyFor] = PROGRAMS[program] ?? [];
  if (habit !== undefined && remedyFor) {
    const remedy = remedyFor(sinks);
    const problem = `${program} ${habit}, so that notifying it by a ${notifiedBy} changes nothing`;
    return { id: 'never-rereads', severity: 'warning', subject: name, problem, evidence: [seen(pid, program)], remedy };
  }
  const language = RUNTIMES[program.replace(/[\d.]+$/, '')];
  if (language === undefined || sinks.every(({ format }) => format !== 'aws-credentials')) return undefined;
  const problem = `the AWS SDK for ${language} reads the file once: a ${notifiedBy} helps only if the program makes a new session`;
  return finding('never-rereads', 'note', name, {
    problem,
    evidence: [seen(pid, program)],
    remedy: asking(sinks),
  });
}

function seen(pid: number, program: string): string {
  return `pid ${pid} runs ${program}`;
}
