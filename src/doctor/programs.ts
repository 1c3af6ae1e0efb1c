import { shellWord } from '../core/shell-word.ts';
import { findingOf, type Finding, type Remedy } from '../core/findings.ts';
import type { ConsumerFacts, ProcessFacts } from './contract.ts';

/** Programs that a notification does not reach. */
export function judgeSignals({ name, processes }: ConsumerFacts): readonly Finding[] {
  return processes.flatMap((process) => judgeSignal(name, process));
}

function judgeSignal(subject: string, { pid, program, error }: ProcessFacts): readonly Finding[] {
  if (!error) return [];
  const problem = `a notification would not reach pid ${pid}${program === undefined ? '' : ` (${program})`}`;
  return [findingOf('signal-not-handled', { subject, problem }, error)];
}

const RESTART: Remedy = { text: 'have it restarted', line: '{ type: systemd, unit: NAME.service, action: restart }' };

/** From its json sink, if it has one: whoever reads that need not reach the metadata service. */
function asking(sinks: ConsumerFacts['sinks']): Remedy {
  const sink = sinks.find(({ format }) => format === 'json');
  const from = sink ? ` --from ${shellWord(sink.path)}` : '';
  return {
    text: 'have it restarted, or let it ask for itself, in ~/.aws/config',
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

/** Programs that do nothing when they are notified. */
export function judgeReading(consumer: ConsumerFacts): readonly Finding[] {
  return consumer.processes.flatMap((process) => judgeProgram(consumer, process));
}

function judgeProgram({ name, told, sinks }: ConsumerFacts, { pid, program = '' }: ProcessFacts): readonly Finding[] {
  if (told !== 'reload' && told !== 'signal') return [];
  const [habit, remedyFor] = PROGRAMS[program] ?? [];
  if (habit !== undefined && remedyFor) {
    const remedy = remedyFor(sinks);
    const problem = `${program} ${habit}, so that notifying it by a ${told} changes nothing`;
    return [
      { id: 'never-rereads', severity: 'warning', subject: name, problem, evidence: [seen(pid, program)], remedy },
    ];
  }
  const language = RUNTIMES[program.replace(/[\d.]+$/, '')];
  if (language === undefined || sinks.every(({ format }) => format !== 'aws-credentials')) return [];
  const problem = `the AWS SDK for ${language} reads the file once: a ${told} helps only if the program makes a new session`;
  return [
    {
      id: 'never-rereads',
      severity: 'note',
      subject: name,
      problem,
      evidence: [seen(pid, program)],
      remedy: asking(sinks),
    },
  ];
}

function seen(pid: number, program: string): string {
  return `pid ${pid} runs ${program}`;
}
