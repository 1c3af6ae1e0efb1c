import { named } from '../core/sink-id.ts';
import { describeSkew } from '../core/clock-skew.ts';
import type { ConsumerConfig, SinkConfig } from '../core/config.ts';
import { displayKeyId, type Credentials, type Origin } from '../core/credentials.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
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

/** A consumer whose sinks would change in bytes, or that is still to be notified of an earlier change. */
export interface PlannedNotification {
  readonly consumer: ConsumerConfig;
  readonly isPending: boolean;
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
    ...named(plan.sinks).flatMap((sink) => plannedSinkLines(sink, paint)),
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

function plannedSinkLines(sink: PlannedSink & { readonly name: string }, paint: Paint): string[] {
  if (!sink.next) return sinkLines(sink);
  return [
    `would write ${sink.name}: ${reason(sink)}`,
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

function notificationLine({ consumer, isPending }: PlannedNotification): string {
  return `would notify ${consumer.name}: ${how(consumer)}${WHEN[consumer.when]}${isPending ? '; it is pending already' : ''}`;
}

function how(consumer: ConsumerConfig): string {
  switch (consumer.type) {
    case 'systemd':
      return consumer.action === 'kill'
        ? `${consumer.signal} to the main process of ${consumer.unit}`
        : `${consumer.action} ${consumer.unit}`;
    case 'signal':
      return 'pidFile' in consumer.target
        ? `${consumer.signal} to the process of ${consumer.target.pidFile}`
        : `${consumer.signal} to every process of ${consumer.target.process.exe}`;
    case 'exec':
      return `run ${consumer.command[0] ?? ''}`;
  }
}

const WHEN: Readonly<Record<ConsumerConfig['when'], string>> = {
  changed: '',
  expiring: ', when what it knows runs out',
  auto: ' (a restart only when due)',
};

function summary({ sinks, toNotify }: Plan): string {
  const changing = sinks.filter(({ next }) => next).length;
  if (changing === 0 && toNotify.length === 0) return 'nothing would change';
  const notified = toNotify.length === 0 ? 'nobody' : count(toNotify.length, 'consumer');
  return `would write ${changing} of ${count(sinks.length, 'sink')} and notify ${notified}`;
}
