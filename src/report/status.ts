import type { ConsumerOutcome, SinkOutcome, SourceOutcome } from '../core/outcomes.ts';
import type { Config } from '../core/config.ts';
import type { ErrorInfo } from '../core/errors.ts';

/**
 * What `status.json` holds and `status --json` prints: no secrets, readable by everybody. Times are RFC 3339.
 * A field that is not known is absent.
 */
export interface Status {
  readonly version: 1;
  readonly writtenAt: string;
  readonly agent: { readonly version: string; readonly pid: number; readonly mode: 'run' | 'once' };
  readonly generation: number;
  readonly source: Omit<SourceOutcome, 'expiration'> & { readonly expiration?: string };
  readonly lastPass: { readonly at: string; readonly trigger: string; readonly rotated: boolean };
  /** When the next pass is due, and why then; past it, the agent is not running. Absent after a one-shot. */
  readonly nextPass?: { readonly at: string; readonly reason: string };
  readonly sinks: readonly SinkStatus[];
  readonly consumers: readonly ConsumerStatus[];
  readonly errors: readonly ErrorInfo[];
}

export interface SinkStatus extends Omit<SinkOutcome, 'bytesChanged' | 'result'> {
  /** `unknown`: no credentials have been there to compare it with. */
  readonly result: SinkOutcome['result'] | 'unknown';
  /** When its bytes last changed by us. */
  readonly writtenAt?: string;
}

export interface ConsumerStatus extends Partial<ConsumerOutcome> {
  readonly name: string;
  readonly type: string;
  /** When it was last told, and of which rotation. */
  readonly known?: { readonly generation: number; readonly at: string; readonly expiration: string };
}

/** What the status is made of; the rotation's view of itself fits. */
export interface StatusInput {
  readonly config: Config;
  readonly state: {
    readonly generation: number;
    readonly sinks: Readonly<Record<string, { readonly renamedAt: number }>>;
    readonly consumers: Readonly<Record<string, { readonly known?: Known }>>;
  };
  readonly report: {
    readonly trigger: string;
    readonly finishedAt: number;
    readonly rotated: boolean;
    readonly source: SourceOutcome;
    readonly sinks: readonly SinkOutcome[];
    readonly consumers: readonly ConsumerOutcome[];
    readonly errors: readonly ErrorInfo[];
  };
  readonly next: { readonly at: number; readonly reason: string } | undefined;
}

interface Known {
  readonly generation: number;
  readonly at: number;
  readonly expiration: number;
}

export function buildStatus(input: StatusInput, agent: Status['agent'], now: number): Status {
  const { report, next } = input;
  const { expiration, ...source } = report.source;
  return {
    version: 1,
    writtenAt: time(now),
    agent,
    generation: input.state.generation,
    source: { ...source, ...(expiration !== undefined && { expiration: time(expiration) }) },
    lastPass: { at: time(report.finishedAt), trigger: report.trigger, rotated: report.rotated },
    ...(next && { nextPass: { at: time(next.at), reason: next.reason } }),
    sinks: sinkStatus(input),
    consumers: consumerStatus(input),
    errors: report.errors,
  };
}

function sinkStatus({ config, state, report }: StatusInput): SinkStatus[] {
  return config.sinks.map(({ path, format }) => {
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
    };
  });
}

function consumerStatus({ config, state, report }: StatusInput): ConsumerStatus[] {
  return config.consumers.map(({ name, type }) => {
    const outcome = report.consumers.find((consumer) => consumer.name === name);
    const known = state.consumers[name]?.known;
    return {
      ...outcome,
      name,
      type,
      ...(known && {
        known: { generation: known.generation, at: time(known.at), expiration: time(known.expiration) },
      }),
    };
  });
}

function time(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
