import type { Config } from '../core/config.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { ConsumerOutcome, SinkOutcome, SourceOutcome } from '../core/outcomes.ts';
import { evidenceStatus } from './status-evidence.ts';
import type { ConsumerStatus, Counters, KnownStatus, SinkStatus, Status } from './status.ts';

/** What the status is made of; the rotation's view of itself fits. */
export interface StatusInput {
  readonly config: Config;
  readonly state: {
    readonly generation: number;
    readonly standing?: { readonly fetchedAt: number };
    readonly sinks: Readonly<Record<string, { readonly renamedAt: number }>>;
    readonly consumers: Readonly<Record<string, ConsumerInput>>;
  };
  readonly report: {
    readonly trigger: string;
    readonly startedAt: number;
    readonly finishedAt: number;
    readonly rotated: boolean;
    readonly source: SourceOutcome;
    readonly sinks: readonly SinkOutcome[];
    readonly consumers: readonly ConsumerOutcome[];
    readonly errors: readonly ErrorInfo[];
  };
  readonly notReading: Readonly<Record<string, boolean>>;
  readonly next: { readonly at: number; readonly reason: string } | undefined;
}

interface Known {
  readonly generation: number;
  readonly at: number;
  readonly expiration: number;
  readonly by?: 'notified' | 'started_since' | 'not_running';
  readonly traceable?: boolean;
}

interface ConsumerInput {
  readonly known?: Known;
  readonly pending?: { readonly since: number };
}

/** What is known of the past beyond the last pass. */
export interface Past {
  readonly counters: Counters;
  readonly lastSuccess?: string | undefined;
  /** Since when the source has been in its state, and each sink, by path, not up to date. */
  readonly since: { readonly source: string; readonly sinks: Readonly<Record<string, string>> };
}

export type Identity = Pick<Status, 'agent' | 'configuration'>;

export function buildStatus(input: StatusInput, past: Past, identity: Identity, now: number): Status {
  const { report, next, state } = input;
  const { expiration, ...source } = report.source;
  return {
    writtenAt: time(now),
    ...identity,
    generation: state.generation,
    source: {
      ...source,
      since: past.since.source,
      ...(expiration !== undefined && { expiration: time(expiration) }),
      ...(state.standing && { fetchedAt: time(state.standing.fetchedAt) }),
    },
    lastPass: {
      at: time(report.finishedAt),
      trigger: report.trigger,
      rotated: report.rotated,
      seconds: Math.max(0, report.finishedAt - report.startedAt) / 1000,
    },
    ...(past.lastSuccess !== undefined && { lastSuccess: past.lastSuccess }),
    ...(next && { nextPass: { at: time(next.at), reason: next.reason } }),
    sinks: input.config.sinks.map((sink) => sinkStatus(sink, input, past.since.sinks[sink.path])),
    consumers: input.config.consumers.map((consumer) => consumerStatus(consumer, input)),
    counters: past.counters,
    errors: report.errors,
  };
}

function sinkStatus(
  { path, format, notify }: Config['sinks'][number],
  { state, report }: StatusInput,
  since: string | undefined,
): SinkStatus {
  const untraced = notify.filter((name) => state.consumers[name]?.known?.traceable === false);
  const outcome = report.sinks.find((sink) => sink.path === path);
  const record = state.sinks[path];
  const { result = 'unknown', drift = [], warnings = [], error, evidence } = outcome ?? {};
  return {
    ...{ path, format, result, drift, warnings },
    ...(error && { error }),
    ...(since !== undefined && { since }),
    ...(record && { writtenAt: time(record.renamedAt) }),
    ...(evidence && { evidence: evidenceStatus(evidence, untraced) }),
  };
}

function consumerStatus({ name, type }: Config['consumers'][number], input: StatusInput): ConsumerStatus {
  const { processes, dueAt, successor, ...outcome } =
    input.report.consumers.find((consumer) => consumer.name === name) ?? {};
  const { known, pending } = input.state.consumers[name] ?? {};
  const notReading = input.notReading[name];
  return {
    ...outcome,
    name,
    type,
    sinks: input.config.sinks.filter(({ notify }) => notify.includes(name)).map(({ path }) => path),
    ...(known && { known: knownStatus(known) }),
    ...(pending && { pendingSince: time(pending.since) }),
    ...(processes && { stale: processes.map(({ pid, startedAt }) => ({ pid, startedAt: time(startedAt) })) }),
    ...(notReading !== undefined && { notReading }),
    ...(dueAt !== undefined && { dueAt: time(dueAt) }),
    ...(successor && {
      successor: { isRunning: successor.isRunning, runsOutAt: time(successor.runsOutAt) },
    }),
  };
}

function knownStatus({ generation, at, expiration, by }: Known): KnownStatus {
  return { generation, at: time(at), expiration: time(expiration), ...(by && { by }) };
}

function time(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
