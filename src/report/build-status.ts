import { INSTANCE, type Config } from '../core/config.ts';
import type { HookRun, PassReport, SinkEvidence, SourceOutcome } from '../core/outcomes.ts';
import { idOf, keyOf, namesOf, sinkId } from '../core/sink-id.ts';
import type { Plan } from '../rotation/plan.ts';
import type { AgentState, ConsumerState, Known } from '../rotation/state.ts';
import type { ConsumerStatus, Counters, EvidenceStatus, SinkStatus, Status } from './schema.ts';
import { timestamp } from './text.ts';

interface StatusInput {
  readonly config: Config;
  readonly state: AgentState;
  readonly report: PassReport;
  readonly notReading: Readonly<Record<string, boolean>>;
  readonly next: Plan | undefined;
}

/** The past beyond the last pass. */
export interface Past {
  readonly counters: Counters;
  readonly lastSuccess?: string | undefined;
  readonly findings: NonNullable<Status['findings']>;
  /** Since when the source has been in its state, and each sink not up to date. */
  readonly since: {
    readonly sources: Readonly<Record<string, string>>;
    readonly sinks: Readonly<Record<string, string>>;
  };
}

type StatusHeader = Pick<Status, 'agent' | 'configuration'>;

export function buildStatus(input: StatusInput, past: Past, identity: StatusHeader, now: number): Status {
  const { report, next, state, config } = input;
  return {
    writtenAt: timestamp(now),
    ...identity,
    generation: Object.values(state.sources).reduce((sum, { generation }) => sum + generation, 0),
    source: sourceStatus(report.source, input, past),
    ...(config.sources.length > 0 && {
      sources: report.sources.map((source) => ({
        ...{ name: source.name, ...sourceStatus(source, input, past) },
        generation: state.sources[source.name]?.generation ?? 0,
        rotated: source.rotated,
      })),
    }),
    lastPass: {
      at: timestamp(report.finishedAt),
      trigger: report.trigger,
      rotated: report.rotated,
      seconds: Math.max(0, report.finishedAt - report.startedAt) / 1000,
    },
    ...(past.lastSuccess !== undefined && { lastSuccess: past.lastSuccess }),
    ...(next && { nextPass: { at: timestamp(next.at), reason: next.reason } }),
    sinks: input.config.sinks.map((sink) => sinkStatus(sink, input, past)),
    consumers: input.config.consumers.map((consumer) => consumerStatus(consumer, input)),
    ...leftStatus(input),
    counters: past.counters,
    findings: past.findings,
    errors: report.errors,
  };
}

function sourceStatus(
  { name, rotated: _, expiration, ...source }: SourceOutcome,
  { state }: StatusInput,
  past: Past,
): Status['source'] {
  const current = state.sources[name]?.current;
  return {
    ...source,
    since: past.since.sources[name] ?? '',
    ...(expiration !== undefined && { expiration: timestamp(expiration) }),
    ...(current && { fetchedAt: timestamp(current.fetchedAt) }),
  };
}

function leftStatus({ config, state: { written = {} } }: StatusInput): Pick<Status, 'left'> {
  const configured = new Set(config.sinks.map(idOf));
  const left = Object.entries(written).flatMap(([id, { sink, keyId, expiration }]) =>
    configured.has(id) ? [] : [{ ...keyOf(sink), format: sink.format, keyId, expiration: timestamp(expiration) }],
  );
  return left.length === 0 ? {} : { left };
}

function sinkStatus(sink: Config['sinks'][number], { state, report }: StatusInput, past: Past): SinkStatus {
  const { format, notify } = sink;
  const id = idOf(sink);
  const since = past.since.sinks[id];
  const untraced = notify.filter((name) => latest(state.consumers[name])?.[1].traceable === false);
  const outcome = report.sinks.find((one) => sinkId(one) === id);
  const record = state.sinks[id];
  const { result = 'unknown', drift = [], detail, warnings = [], isUnreachable, error, evidence } = outcome ?? {};
  return {
    ...{ ...keyOf(sink), format, result, drift, warnings },
    ...(sink.source !== INSTANCE && { source: sink.source }),
    ...(detail !== undefined && { detail }),
    ...(isUnreachable && { isUnreachable }),
    ...(error && { error }),
    ...(since !== undefined && { since }),
    ...(record && { writtenAt: timestamp(record.renamedAt) }),
    ...(evidence && { evidence: evidenceStatus(evidence, untraced) }),
  };
}

function consumerStatus({ name, type }: Config['consumers'][number], input: StatusInput): ConsumerStatus {
  const {
    processes,
    dueAt,
    successor,
    hook: _,
    ...outcome
  } = input.report.consumers.find((consumer) => consumer.name === name) ?? {};
  const { pending, hook } = input.state.consumers[name] ?? {};
  const notReading = input.notReading[name];
  return {
    ...outcome,
    name,
    type,
    sinks: namesOf(input.config.sinks).filter((_, index) => input.config.sinks[index]?.notify.includes(name)),
    ...knownStatus(input.state.consumers[name]),
    ...(pending && { pendingSince: timestamp(pending.since) }),
    ...(processes && {
      usingFormer: processes.map(({ pid, startedAt }) => ({ pid, startedAt: timestamp(startedAt) })),
    }),
    ...(notReading !== undefined && { notReading }),
    ...(dueAt !== undefined && { dueAt: timestamp(dueAt) }),
    ...(hook && { hook: hookStatus(hook) }),
    ...(successor && {
      successor: { isRunning: successor.isRunning, runsOutAt: timestamp(successor.runsOutAt) },
    }),
  };
}

/** The last rotation that a consumer was notified of, with its source. */
function latest({ notifiedOf = {} }: ConsumerState = {}): readonly [string, Known] | undefined {
  return Object.entries(notifiedOf).toSorted(([, a], [, b]) => b.at - a.at)[0];
}

/** Everybody may read the status: the hook's output is for root. */
function hookStatus({ at, exitCode }: HookRun): NonNullable<ConsumerStatus['hook']> {
  return { at: timestamp(at), ...(exitCode !== undefined && { exitCode }), more: 'sudo credrotate status' };
}

function knownStatus(consumer: ConsumerState | undefined): Pick<ConsumerStatus, 'known'> {
  const [source, known] = latest(consumer) ?? [];
  if (!known) return {};
  const { generation, at, expiration, by } = known;
  const said = { generation, at: timestamp(at), expiration: timestamp(expiration) };
  return { known: { ...said, ...(source !== undefined && source !== INSTANCE && { source }), ...(by && { by }) } };
}

/** `untraced`: its consumers whose reads leave no trace, so that nobody can say that it was not read. */
export function evidenceStatus(evidence: SinkEvidence, untraced: readonly string[]): EvidenceStatus {
  const writtenAt = timestamp(evidence.writtenAt);
  if (evidence.kind === 'read') return { kind: 'read', writtenAt, readAt: timestamp(evidence.readAt) };
  if (evidence.kind === 'unread' && untraced.length > 0) return { kind: 'unknown', writtenAt, untraced };
  return { kind: evidence.kind, writtenAt };
}
