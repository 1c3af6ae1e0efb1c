import type { Config } from '../core/config.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { ConsumerOutcome, ConsumerResult, SinkOutcome, SourceOutcome } from '../core/outcomes.ts';
import { evidenceStatus, type EvidenceStatus } from './status-evidence.ts';

/**
 * What `status.json` holds and `status --json` prints: no secrets, readable by everybody. Times are RFC 3339.
 * A field that is not known is absent. Its JSON Schema is made of status-schema.ts.
 */
export interface Status {
  readonly version: 1;
  readonly writtenAt: string;
  readonly agent: { readonly version: string; readonly pid: number; readonly mode: 'run' | 'once' };
  readonly generation: number;
  readonly source: Omit<SourceOutcome, 'expiration'> & {
    readonly expiration?: string;
    /** When the credentials that stand were first seen. */
    readonly fetchedAt?: string;
  };
  readonly lastPass: {
    /** Its end. */
    readonly at: string;
    readonly trigger: string;
    readonly rotated: boolean;
    readonly seconds: number;
  };
  /** The end of the last pass that had good credentials and in which every sink stood. */
  readonly lastSuccess?: string;
  /** When the next pass is due, and why then; past it, the agent is not running. Absent after a one-shot. */
  readonly nextPass?: { readonly at: string; readonly reason: string };
  readonly sinks: readonly SinkStatus[];
  readonly consumers: readonly ConsumerStatus[];
  /** Since the host was booted. */
  readonly counters: Counters;
  readonly errors: readonly ErrorInfo[];
}

export interface SinkStatus extends Omit<SinkOutcome, 'bytesChanged' | 'result' | 'evidence'> {
  /** `unknown`: no credentials have been there to compare it with. */
  readonly result: SinkOutcome['result'] | 'unknown';
  /** When its bytes last changed by us. */
  readonly writtenAt?: string;
  /** As the last pass saw it; absent when that pass wrote the file. */
  readonly evidence?: EvidenceStatus;
}

export interface ConsumerStatus extends Partial<Omit<ConsumerOutcome, 'processes'>> {
  readonly name: string;
  readonly type: string;
  /** Paths. */
  readonly sinks: readonly string[];
  /** Of which rotation it knows, since when, and how it came to. */
  readonly known?: KnownStatus;
  /** Since when a notification is pending. */
  readonly pendingSince?: string;
  /** Of a pending one: processes that go on with what they read before. */
  readonly stale?: readonly { readonly pid: number; readonly startedAt: string }[];
  /** Whether it was notified and nobody has read its sinks since. Absent when that cannot be known, or not yet. */
  readonly notReading?: boolean;
}

export interface KnownStatus {
  readonly generation: number;
  readonly at: string;
  readonly expiration: string;
  readonly by?: 'notified' | 'started_since' | 'not_running';
}

/** What was counted, by the labels of the metrics. */
export interface Counters {
  /** By HTTP status, or `failed` for those without an answer. */
  readonly imdsRequests: Readonly<Record<string, number>>;
  /** By path. */
  readonly sinkWrites: Readonly<Record<string, number>>;
  /** Attempts, by consumer and result. */
  readonly notifications: Readonly<Record<string, Readonly<Partial<Record<ConsumerResult, number>>>>>;
}

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
}

export function buildStatus(input: StatusInput, past: Past, agent: Status['agent'], now: number): Status {
  const { report, next, state } = input;
  const { expiration, ...source } = report.source;
  return {
    version: 1,
    writtenAt: time(now),
    agent,
    generation: state.generation,
    source: {
      ...source,
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
    sinks: input.config.sinks.map((sink) => sinkStatus(sink, input)),
    consumers: input.config.consumers.map((consumer) => consumerStatus(consumer, input)),
    counters: past.counters,
    errors: report.errors,
  };
}

function sinkStatus({ path, format, notify }: Config['sinks'][number], { state, report }: StatusInput): SinkStatus {
  const untraced = notify.filter((name) => state.consumers[name]?.known?.traceable === false);
  const outcome = report.sinks.find((sink) => sink.path === path);
  const record = state.sinks[path];
  return {
    path,
    format,
    result: outcome?.result ?? 'unknown',
    drift: outcome?.drift ?? [],
    warnings: outcome?.warnings ?? [],
    ...(outcome?.error && { error: outcome.error }),
    ...(record && { writtenAt: time(record.renamedAt) }),
    ...(outcome?.evidence && { evidence: evidenceStatus(outcome.evidence, untraced) }),
  };
}

function consumerStatus({ name, type }: Config['consumers'][number], input: StatusInput): ConsumerStatus {
  const { processes, ...outcome } = input.report.consumers.find((consumer) => consumer.name === name) ?? {};
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
  };
}

function knownStatus({ generation, at, expiration, by }: Known): KnownStatus {
  return { generation, at: time(at), expiration: time(expiration), ...(by && { by }) };
}

function time(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
