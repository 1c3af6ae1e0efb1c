import type { SinkConfig } from '../../core/config.ts';
import type { Actors, User } from '../../core/contracts.ts';
import { AgentError, toErrorInfo } from '../../core/errors.ts';
import { idOf } from '../../core/sink-id.ts';
import type { SinkPreview } from '../contract.ts';
import type { SinkRecord } from '../record.ts';
import { failed, outcome } from '../failure.ts';
import { isLook, type Done, type Job } from '../job.ts';
import type { Since } from '../records.ts';
import type { BeforeWrite } from '../replace.ts';
import { Conversation } from './conversation.ts';
import type { DoneMessage, SinkMessage } from './message.ts';
import type { ActingLimits } from './patience.ts';

export interface Delegated {
  readonly user: User;
  /** Where it may hang; unset: somewhere in what is the user's. */
  readonly mount?: string | undefined;
  readonly actors: Actors;
  readonly limits: ActingLimits;
  readonly job: Job;
}

export interface Hooks {
  readonly beforeWrite: BeforeWrite;
  /** The moment that new bytes are dated with; asked when they stand. */
  readonly now: () => Since;
}

/** So many temp files are remembered that could not be removed; beyond, the oldest are left to their user. */
const KEPT_TEMPS = 1_000;

/** Has a process of a user work on that user's sinks. Its trouble is the outcome of each of them; never rejects. */
export async function delegate({ actors, limits, ...assigned }: Delegated, { beforeWrite, now }: Hooks): Promise<Done> {
  const { job } = assigned;
  const conversation = new Conversation(assigned, isLook(job.kind) ? refuse : beforeWrite);
  try {
    const done = await conversation.hold(actors, limits);
    const kept = new Set(done.kept);
    return {
      outcomes: pair(job, done).map(([sink, message]) => outcomeOf(sink, message)),
      records: believe(job, done, now()),
      temps: bounded(conversation.temps.filter((_, index) => kept.has(index))),
    };
  } catch (error) {
    const { message, ...info } = toErrorInfo(error);
    const outcomes = job.sinks.map((sink) => {
      const gone = failed(sink, { ...info, message: `${sink.path}: ${message}` });
      return { ...gone, bytesChanged: conversation.changing.has(sink) };
    });
    return { outcomes, records: {}, temps: bounded(conversation.temps) };
  }
}

function refuse(): Promise<never> {
  return Promise.reject(new AgentError('SINK_ACTOR_FAILED', 'expected a look, got a change'));
}

function bounded<T>(temps: readonly T[]): readonly T[] {
  return temps.slice(-KEPT_TEMPS);
}

function believe(job: Job, done: DoneMessage, now: Since): Done['records'] {
  if (job.kind !== 'apply') return {};
  return Object.fromEntries(
    pair(job, done).flatMap(([sink, { record, error }]) => {
      const id = idOf(sink);
      return record && !error ? [[id, { ...record, ...sinceOf(record, job.records[id], now) }]] : [];
    }),
  );
}

/** Consumers are told by it, so the process may repeat what we know, and no more. */
function sinceOf(record: SinkRecord, known: SinkRecord | undefined, now: Since): Since {
  const isKnown =
    known?.renamedAt === record.renamedAt &&
    known.renamedAtBoot.bootId === record.renamedAtBoot.bootId &&
    known.renamedAtBoot.sinceBoot === record.renamedAtBoot.sinceBoot;
  return isKnown ? { renamedAt: known.renamedAt, renamedAtBoot: known.renamedAtBoot } : now;
}

function pair({ sinks }: Job, done: DoneMessage): (readonly [SinkConfig, SinkMessage])[] {
  return done.sinks.flatMap((message, index) => {
    const sink = sinks[index];
    return sink ? [[sink, message] as const] : [];
  });
}

function outcomeOf(sink: SinkConfig, message: SinkMessage): SinkPreview {
  const { result, bytesChanged, drift, detail, warnings, isUnreachable, evidence, error, current, next } = message;
  const base = error ? failed(sink, error) : outcome(sink, result);
  return {
    ...{ ...base, bytesChanged, drift, warnings },
    ...(detail !== undefined && { detail }),
    ...(isUnreachable && { isUnreachable }),
    ...(evidence && { evidence }),
    ...(current !== undefined && { current: Buffer.from(current, 'base64') }),
    ...(next !== undefined && { next: Buffer.from(next, 'base64') }),
  };
}
