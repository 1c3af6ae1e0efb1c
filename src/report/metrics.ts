import { sinkId, type SinkKey } from '../core/sink-id.ts';
import { LEVELS, SOURCE_STATES } from './schema.ts';
import type { StatusReport } from './report.ts';
import { sourcesOf, type NamedSource } from './sources.ts';

/**
 * The status as Prometheus reads it (text format 0.0.4). No secret, and of a key not even its last characters: they
 * would make a new series with each rotation.
 */
export function renderMetrics(report: StatusReport): string {
  return FAMILIES.flatMap(({ name, type, help, samples }) => {
    const lines = samples(report).flatMap(([labels, value]) =>
      value === undefined ? [] : [`credrotate_${name}${render(labels)} ${String(value)}`],
    );
    if (lines.length === 0) return [];
    return [`# HELP credrotate_${name} ${help}`, `# TYPE credrotate_${name} ${type}`, ...lines];
  })
    .concat('')
    .join('\n');
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number | undefined];

interface Family {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: (report: StatusReport) => readonly Sample[];
}

const family =
  (type: Family['type']) =>
  (name: string, help: string, samples: Family['samples']): Family => ({ name, type, help, samples });
const gauge = family('gauge');
const counter = family('counter');

const FAMILIES: readonly Family[] = [
  gauge('build_info', 'Always 1; the version is a label.', ({ agent }) => [[{ version: agent.version }, 1]]),
  gauge('status', '1 for the level that credrotate status had after the last pass, 0 for all others.', ({ level }) =>
    LEVELS.map((one) => [{ level: one }, Number(one === level)]),
  ),
  gauge(
    'config_in_force',
    'Whether the configuration on disk is the one that is used. Missing where options of a command line made it.',
    ({ configuration }) => [
      [{}, configuration && Number(['in_force', 'unknown'].includes(configuration.onDisk.state))],
    ],
  ),
  gauge('credentials_expiry_timestamp_seconds', 'When the credentials in the files expire.', (report) =>
    sourcesOf(report).map((source) => [sourceLabel(source), seconds(source.expiration)]),
  ),
  gauge(
    'last_success_timestamp_seconds',
    'The last pass that had good credentials and left every sink up to date.',
    ({ lastSuccess }) => [[{}, seconds(lastSuccess)]],
  ),
  gauge('last_pass_timestamp_seconds', 'The last pass, good or bad.', ({ lastPass }) => [[{}, seconds(lastPass.at)]]),
  gauge(
    'next_pass_timestamp_seconds',
    'By when a pass must have been made; past it, nobody makes one. Missing where only the host knows.',
    ({ nextPass: { by, at, since }, agent: { every = 0 } }) => [
      [{}, by === 'nobody' ? seconds(since) : at === undefined ? undefined : Date.parse(at) / 1000 + every],
    ],
  ),
  gauge('pass_duration_seconds', 'How long the last pass took, without the consumers.', ({ lastPass }) => [
    [{}, lastPass.seconds],
  ]),
  gauge('source_state', '1 for the state that the source is in, 0 for all others.', (report) =>
    sourcesOf(report).flatMap((source) =>
      SOURCE_STATES.map((state): Sample => [{ ...sourceLabel(source), state }, Number(source.state === state)]),
    ),
  ),
  counter('rotations_total', 'New credentials, over all restarts.', (report) =>
    sourcesOf(report).map((source) => [sourceLabel(source), source.generation]),
  ),
  counter('imds_requests_total', 'Requests to the metadata service, by HTTP status, or failed.', ({ counters }) =>
    Object.entries(counters.imdsRequests).map(([code, count]) => [{ code }, count]),
  ),
  gauge(
    'sink_up_to_date',
    'Whether the file holds the current credentials, with the mode and owner that are configured.',
    ({ sinks }) =>
      sinks.map((sink) => [
        { ...keyLabels(sink), format: sink.format },
        Number(!sink.error && sink.result !== 'unknown'),
      ]),
  ),
  counter('sink_writes_total', 'How often the file was written.', ({ sinks, counters }) =>
    sinks.map((sink) => [keyLabels(sink), counters.sinkWrites[sinkId(sink)]]),
  ),
  gauge(
    'sink_read_timestamp_seconds',
    'The first read of the file since it was written; 0 when there was none. Missing where that cannot be known.',
    ({ sinks }) =>
      sinks.map(({ evidence, ...sink }) => [
        keyLabels(sink),
        evidence?.kind === 'unread' ? 0 : evidence?.kind === 'read' ? seconds(evidence.readAt) : undefined,
      ]),
  ),
  gauge('consumer_pending', 'Whether the consumer is still to be notified.', ({ consumers }) =>
    consumers.map(({ name, result }) => [{ consumer: name }, Number(result === 'pending')]),
  ),
  gauge(
    'consumer_ended',
    'Whether the consumer ended when it was last notified: 2 while nothing runs in its place, 1 when something does.',
    ({ consumers }) =>
      consumers.map(({ name, result, successor }) => [
        { consumer: name },
        result !== 'ended' ? 0 : successor?.isRunning ? 1 : 2,
      ]),
  ),
  gauge(
    'consumer_hook_exit_code',
    'With which the program of the consumer last ended; -1: by a signal or its timeout. Its output: sudo credrotate status.',
    ({ consumers }) => consumers.map(({ name, hook }) => [{ consumer: name }, hook && (hook.exitCode ?? -1)]),
  ),
  gauge(
    'consumer_not_reading',
    'Whether the consumer was notified and nobody has read its files since. Missing where that cannot be known.',
    ({ consumers }) =>
      consumers.map(({ name, notReading }) => [
        { consumer: name },
        notReading === undefined ? undefined : Number(notReading),
      ]),
  ),
  counter('consumer_notifications_total', 'Attempts to notify the consumer, by result.', ({ counters }) =>
    Object.entries(counters.notifications).flatMap(([consumer, results]) =>
      Object.entries(results).map(([result, count]): Sample => [{ consumer, result }, count]),
    ),
  ),
];

function seconds(time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time) / 1000;
}

function render(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escape(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join()}}`;
}

/** The three characters that mean something in a label's value. */
function escape(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}

/** None where the instance is the only one, as it was before there were others. */
function sourceLabel({ name }: NamedSource): Labels {
  return name === undefined ? {} : { source: name };
}

function keyLabels({ path, part }: SinkKey): Readonly<Record<string, string>> {
  return part === undefined ? { path } : { path, part };
}
