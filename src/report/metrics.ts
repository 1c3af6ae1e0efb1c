import { sinkId, type SinkKey } from '../core/sink-id.ts';
import type { SourceState } from '../core/outcomes.ts';
import type { Level } from '../core/findings.ts';
import type { StatusReport } from './report.ts';

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
  /** Without its prefix. */
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: (report: StatusReport) => readonly Sample[];
}

const STATES: Readonly<Record<SourceState, true>> = {
  ok: true,
  stale: true,
  expired: true,
  no_role: true,
  denied: true,
  unreachable: true,
  malformed: true,
  disabled: true,
};

const LEVELS: Readonly<Record<Level, true>> = { ok: true, warning: true, unknown: true, critical: true };

const FAMILIES: readonly Family[] = [
  {
    name: 'build_info',
    type: 'gauge',
    help: 'Always 1; the version is a label.',
    samples: ({ agent }) => [[{ version: agent.version }, 1]],
  },
  {
    name: 'status',
    type: 'gauge',
    help: '1 for the level that credrotate status had after the last pass, 0 for all others.',
    samples: ({ level }) => Object.keys(LEVELS).map((one) => [{ level: one }, Number(one === level)]),
  },
  {
    name: 'config_in_force',
    type: 'gauge',
    help: 'Whether the configuration on disk is the one that is used. Missing where options of a command line made it.',
    samples: ({ configuration }) => [
      [{}, configuration && Number(['in_force', 'unknown'].includes(configuration.onDisk.state))],
    ],
  },
  {
    name: 'credentials_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'When the credentials in the files expire.',
    samples: ({ source }) => [[{}, seconds(source.expiration)]],
  },
  {
    name: 'last_success_timestamp_seconds',
    type: 'gauge',
    help: 'The last pass that had good credentials and left every sink up to date.',
    samples: ({ lastSuccess }) => [[{}, seconds(lastSuccess)]],
  },
  {
    name: 'last_pass_timestamp_seconds',
    type: 'gauge',
    help: 'The last pass, good or bad.',
    samples: ({ lastPass }) => [[{}, seconds(lastPass.at)]],
  },
  {
    name: 'next_pass_timestamp_seconds',
    type: 'gauge',
    help: 'By when a pass must have been made; past it, nobody makes one. Missing where only the host knows.',
    samples: ({ nextPass: { by, at, since }, agent: { every = 0 } }) => [
      [{}, by === 'nobody' ? seconds(since) : at === undefined ? undefined : Date.parse(at) / 1000 + every],
    ],
  },
  {
    name: 'pass_duration_seconds',
    type: 'gauge',
    help: 'How long the last pass took, without the consumers.',
    samples: ({ lastPass }) => [[{}, lastPass.seconds]],
  },
  {
    name: 'source_state',
    type: 'gauge',
    help: '1 for the state that the source is in, 0 for all others.',
    samples: ({ source }) => Object.keys(STATES).map((state) => [{ state }, Number(source.state === state)]),
  },
  {
    name: 'rotations_total',
    type: 'counter',
    help: 'New credentials, over all restarts.',
    samples: ({ generation }) => [[{}, generation]],
  },
  {
    name: 'imds_requests_total',
    type: 'counter',
    help: 'Requests to the metadata service, by HTTP status, or failed.',
    samples: ({ counters }) => Object.entries(counters.imdsRequests).map(([code, count]) => [{ code }, count]),
  },
  {
    name: 'sink_up_to_date',
    type: 'gauge',
    help: 'Whether the file holds the current credentials, with the mode and owner that are configured.',
    samples: ({ sinks }) =>
      sinks.map((sink) => [
        { ...keyLabels(sink), format: sink.format },
        Number(!sink.error && sink.result !== 'unknown'),
      ]),
  },
  {
    name: 'sink_writes_total',
    type: 'counter',
    help: 'How often the file was written.',
    samples: ({ sinks, counters }) => sinks.map((sink) => [keyLabels(sink), counters.sinkWrites[sinkId(sink)]]),
  },
  {
    name: 'sink_read_timestamp_seconds',
    type: 'gauge',
    help: 'The first read of the file since it was written; 0 when there was none. Missing where that cannot be known.',
    samples: ({ sinks }) =>
      sinks.map(({ evidence, ...sink }) => [
        keyLabels(sink),
        evidence?.kind === 'unread' ? 0 : evidence?.kind === 'read' ? seconds(evidence.readAt) : undefined,
      ]),
  },
  {
    name: 'consumer_pending',
    type: 'gauge',
    help: 'Whether the consumer is still to be notified.',
    samples: ({ consumers }) => consumers.map(({ name, result }) => [{ consumer: name }, Number(result === 'pending')]),
  },
  {
    name: 'consumer_ended',
    type: 'gauge',
    help: 'Whether the consumer ended when it was last notified: 2 while nothing runs in its place, 1 when something does.',
    samples: ({ consumers }) =>
      consumers.map(({ name, result, successor }) => [
        { consumer: name },
        result !== 'ended' ? 0 : successor?.isRunning ? 1 : 2,
      ]),
  },
  {
    name: 'consumer_hook_exit_code',
    type: 'gauge',
    help: 'With which the program of the consumer last ended; -1: by a signal or its timeout. What it printed: sudo credrotate status.',
    samples: ({ consumers }) => consumers.map(({ name, hook }) => [{ consumer: name }, hook && (hook.exitCode ?? -1)]),
  },
  {
    name: 'consumer_not_reading',
    type: 'gauge',
    help: 'Whether the consumer was notified and nobody has read its files since. Missing where that cannot be known.',
    samples: ({ consumers }) =>
      consumers.map(({ name, notReading }) => [
        { consumer: name },
        notReading === undefined ? undefined : Number(notReading),
      ]),
  },
  {
    name: 'consumer_notifications_total',
    type: 'counter',
    help: 'Attempts to notify the consumer, by result.',
    samples: ({ counters }) =>
      Object.entries(counters.notifications).flatMap(([consumer, results]) =>
        Object.entries(results).map(([result, count]): Sample => [{ consumer, result }, count]),
      ),
  },
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

function keyLabels({ path, part }: SinkKey): Readonly<Record<string, string>> {
  return part === undefined ? { path } : { path, part };
}
