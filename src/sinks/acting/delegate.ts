import type { SinkConfig } from '../../core/config.ts';
import type { Actors } from '../../core/contracts.ts';
import { AgentError, toErrorInfo, type ErrorInfo } from '../../core/errors.ts';
import type { SinkOutcome } from '../../core/outcomes.ts';
import type { Share } from '../assign.ts';
import type { ApplyResult, SinkPreview, SinkRecord } from '../contract.ts';
import { failed, outcome } from '../failure.ts';
import type { Since } from '../records.ts';
import type { BeforeWrite } from '../replace.ts';
import { Conversation } from './conversation.ts';
import type { Job } from './job.ts';
import type { DoneMessage, SinkMessage } from './message.ts';
import type { ActingLimits } from './patience.ts';

export interface Delegated extends Share {
  readonly actors: Actors;
  readonly limits: ActingLimits;
  readonly job: Omit<Job, 'kind' | 'sinks'>;
}

export interface Hooks {
  readonly beforeWrite: BeforeWrite;
  /** The moment that new bytes are dated with; asked when they stand. */
  readonly now: () => Since;
}

/** So many temp files are remembered that could not be removed; beyond, the oldest are left to their user. */
const KEPT_TEMPS = 1_000;

/** Has a user's sinks written by a process of that user. Its trouble is the outcome of each of them; never rejects. */
export async function applyAs(
  { user, sinks, actors, limits, job }: Delegated,
  { beforeWrite, now }: Hooks,
): Promise<ApplyResult> {
  const conversation = new Conversation({ user, job: { ...job, kind: 'apply', sinks } }, beforeWrite);
  try {
    const done = await conversation.hold(actors, limits);
    const kept = new Set(done.kept);
    return {
      ...believe(sinks, done, job, now()),
      temps: bounded(conversation.temps.filter((_, index) => kept.has(index))),
    };
  } catch (error) {
    const info = toErrorInfo(error);
    const outcomes = sinks.map((sink) => ({ ...gone(sink, info), bytesChanged: conversation.changing.has(sink.path) }));
    return { outcomes, records: {}, temps: bounded(conversation.temps) };
  }
}

/** As above, for a look. */
export async function previewAs({ user, sinks, actors, limits, job }: Delegated): Promise<readonly SinkPreview[]> {
  const refuse: BeforeWrite = () =>
    Promise.reject(new AgentError('SINK_ACTOR_FAILED', 'expected a look, got a change'));
  try {
    const conversation = new Conversation({ user, job: { ...job, kind: 'preview', sinks } }, refuse);
    const done = await conversation.hold(actors, limits);
    return pair(sinks, done).map(([sink, message]) => ({ ...outcomeOf(sink, message), ...bytesOf(message) }));
  } catch (error) {
    const info = toErrorInfo(error);
    return sinks.map((sink) => gone(sink, info));
  }
}

function gone(sink: SinkConfig, info: ErrorInfo): SinkOutcome {
  return failed(sink, { ...info, message: `${sink.path}: ${info.message}` });
}

function bounded<T>(temps: readonly T[]): readonly T[] {
  return temps.slice(-KEPT_TEMPS);
}

function believe(
  sinks: readonly SinkConfig[],
  done: DoneMessage,
  { records }: Pick<Job, 'records'>,
  now: Since,
): Pick<ApplyResult, 'outcomes' | 'records'> {
  const pairs = pair(sinks, done);
  return {
    outcomes: pairs.map(([sink, message]) => outcomeOf(sink, message)),
    records: Object.fromEntries(
      pairs.flatMap(([{ path }, { record, error }]) =>
        record && !error ? [[path, { ...record, ...sinceOf(record, records[path], now) }]] : [],
      ),
    ),
  };
}

/** Consumers are told by it, so the process may repeat what we know, and no more. */
function sinceOf(record: SinkRecord, known: SinkRecord | undefined, now: Since): Since {
  const isKnown =
    known?.renamedAt === record.renamedAt &&
    known.renamedAtBoot.bootId === record.renamedAtBoot.bootId &&
    known.renamedAtBoot.sinceBoot === record.renamedAtBoot.sinceBoot;
  return isKnown ? { renamedAt: known.renamedAt, renamedAtBoot: known.renamedAtBoot } : now;
}

function pair(sinks: readonly SinkConfig[], done: DoneMessage): (readonly [SinkConfig, SinkMessage])[] {
  return done.sinks.flatMap((message, index) => {
    const sink = sinks[index];
    return sink ? [[sink, message] as const] : [];
  });
}

function outcomeOf(sink: SinkConfig, { result, bytesChanged, drift, warnings, error }: SinkMessage): SinkOutcome {
  return { ...(error ? failed(sink, error) : outcome(sink, result)), bytesChanged, drift, warnings };
}

function bytesOf({ current, next }: SinkMessage): Pick<SinkPreview, 'current' | 'next'> {
  return {
    ...(current !== undefined && { current: Buffer.from(current, 'base64') }),
    ...(next !== undefined && { next: Buffer.from(next, 'base64') }),
  };
}
