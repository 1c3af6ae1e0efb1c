import { describeSkew } from '../core/clock-skew.ts';
import type { SinkConfig } from '../core/config.ts';
import { displayKeyId, formatExpiration, type Credentials, type Origin } from '../core/credentials.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import { printable } from '../core/printable.ts';
import type { Prospect } from '../core/prospect.ts';
import { redactedDiff } from './diff.ts';
import type { Paint } from './paint.ts';
import { sinkLines, warningLines } from './print-report.ts';
import { count, duration } from './text.ts';

/** What a pass would do, found without doing it. */
export interface Plan {
  readonly at: number;
  readonly credentials: Credentials;
  readonly origin: Origin;
  readonly isNew: boolean;
  readonly clockSkew: number | undefined;
  readonly sinks: readonly PlannedSink[];
  readonly toNotify: readonly PlannedNotification[];
}

/** A consumer that a pass would notify, now or later. */
export interface PlannedNotification {
  readonly name: string;
  /** When it is due now. */
  readonly prospect?: Prospect;
  /** When it is due later; epoch milliseconds. */
  readonly dueAt?: number;
}

/** With the bytes of a file that would be replaced, which are never shown whole. */
export interface PlannedSink extends SinkOutcome {
  readonly config: SinkConfig;
  readonly current?: Buffer;
  readonly next?: Buffer;
}

/** For people: a line for the source, each sink with its difference and each consumer, and what it comes to. */
export function printPlan(plan: Plan, paint: Paint): string {
  return [
    sourceLine(plan),
    ...warningLines(describeSkew(plan.clockSkew, plan.at)),
    ...plan.sinks.flatMap((sink) => plannedSinkLines(sink, paint)),
    ...plan.toNotify.map(notificationLine),
    summary(plan),
    '',
  ].join('\n');
}

function sourceLine({ credentials, origin, isNew, at }: Plan): string {
  const role = origin.role === undefined ? '' : ` of role ${origin.role}`;
  const life = `expires in ${duration(credentials.expiration - at)}`;
  return `source ok: key ${displayKeyId(credentials.accessKeyId)}${role}, ${life}; ${isNew ? 'new' : 'nothing new'}`;
}

function plannedSinkLines(sink: PlannedSink, paint: Paint): string[] {
  if (!sink.next) return sinkLines(sink);
  return [
    `would write ${sink.path}: ${reason(sink)}`,
    ...warningLines(...sink.warnings),
    ...redactedDiff(sink.current, sink.next).map((line) => paint(line.startsWith('+') ? 'green' : 'red', `  ${line}`)),
  ];
}

function reason({ drift, config: { mode, owner, group } }: PlannedSink): string {
  const octal = mode.toString(8).padStart(4, '0');
  if (drift.includes('missing')) return `a new file of mode ${octal}`;
  const who = [owner, group].filter((name) => name !== undefined).join(':');
  const words = {
    missing: '',
    bytes: 'other bytes',
    mode: `mode ${octal}`,
    owner: who === '' ? 'owner' : `owner ${who}`,
  };
  return drift.map((kind) => words[kind]).join(', ');
}

/** What a notification would come to, for people. */
export function prospectLine(name: string, { action, processes, result }: Prospect): string {
  const to = processes.map(({ pid, program }) => `pid ${pid}${program === undefined ? '' : ` (${program})`}`);
  const named = to.length === 0 ? '' : ` to ${to.slice(0, MOST_NAMED).join(', ')}`;
  const more = to.length > MOST_NAMED ? ` and ${to.length - MOST_NAMED} more` : '';
  if (!result) return printable(`would notify ${name}: ${action}${action.startsWith('SIG') ? named + more : ''}`);
  const line = printable(`would not notify ${name}: ${'error' in result ? result.error.message : result.detail}`);
  if (!('error' in result) || result.error.hint === undefined) return line;
  return `${line}\n${printable(`  hint: ${result.error.hint}`)}`;
}

const MOST_NAMED = 5;

function notificationLine({ name, prospect, dueAt }: PlannedNotification): string {
  if (prospect) return prospectLine(name, prospect);
  const ended = `would not notify ${name}: it ended when it was last notified`;
  const later = `would notify ${name} at ${formatExpiration(dueAt ?? 0)}, when little is left of what it knows`;
  return printable(dueAt === undefined ? ended : later);
}

function summary({ sinks, toNotify }: Plan): string {
  const changing = sinks.filter(({ next }) => next).length;
  if (changing === 0 && toNotify.length === 0) return 'nothing would change';
  const due = toNotify.filter(({ prospect, dueAt }) => dueAt !== undefined || (prospect && !prospect.result)).length;
  const notified = due === 0 ? 'nobody' : count(due, 'consumer');
  return `would write ${changing} of ${count(sinks.length, 'sink')} and notify ${notified}`;
}
