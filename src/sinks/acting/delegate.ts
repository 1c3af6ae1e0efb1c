import type { SinkConfig } from '../../core/config.ts';
import type { Actors, User } from '../../core/contracts.ts';
import { AgentError, toErrorInfo, type ErrorInfo } from '../../core/errors.ts';
import type { SinkOutcome } from '../../core/outcomes.ts';
import type { ApplyResult, ForgetResult, SinkPreview, SinkRecord } from '../contract.ts';
import { failed, outcome } from '../failure.ts';
import type { Since } from '../records.ts';
import type { BeforeWrite } from '../replace.ts';
import { Conversation } from './conversation.ts';
import type { ForgetJob, Job, WriteJob } from './job.ts';
import type { DoneMessage, SinkMessage } from './message.ts';
import type { ActingLimits } from './patience.ts';

export interface Delegated<J extends Job = Job> {
  readonly user: User;
  /** Where it may hang; unset: somewhere in what is the user's. */
  readonly mount?: string | undefined;
  readonly actors: Actors;
  readonly limits: ActingLimits;
  readonly job: J;
}

export interface Hooks {
  readonly beforeWrite: BeforeWrite;
  /** The moment that new bytes are dated with; asked when they stand. */
  readonly now: () => Since;
}

/** So many temp files are remembered that could not be removed; beyond, the oldest are left to their user. */
const KEPT_TEMPS = 1_000;

/** Has a user's sinks written by a process of that user. Its trouble is the outcome of each of them; never rejects. */
export async function applyAs(delegated: Delegated<WriteJob>, { beforeWrite, now }: Hooks): Promise<ApplyResult> {
  const { done, ...changed } = await change(delegated, beforeWrite);
  return { ...changed, records: done ? believe(delegated.job, done, now()) : {} };
}

/** As above: has what is ours taken out of a user's sinks. */
export async function forgetAs(delegated: Delegated<ForgetJob>, beforeWrite: BeforeWrite): Promise<ForgetResult> {
  const { outcomes, temps } = await change(delegated, beforeWrite);
  return { outcomes, temps };
}

/** As above, for a look. */
export async function previewAs({ actors, limits, ...assigned }: Delegated): Promise<readonly SinkPreview[]> {
  const { job } = assigned;
  const refuse: BeforeWrite = () =>
    Promise.reject(new AgentError('SINK_ACTOR_FAILED', 'expected a look, got a change'));
  try {
    const done = await new Conversation(assigned, refuse).hold(actors, limits);
    return pair(job, done).map(([sink, message]) => ({ ...outcomeOf(sink, message), ...bytesOf(message) }));
  } catch (error) {
    const info = toErrorInfo(error);
    return job.sinks.map((sink) => gone(sink, info));
  }
}

interface Changed extends ForgetResult {
  /** What the process has said, if it came to an end. */
  readonly done?: DoneMessage;
}

async function change({ actors, limits, ...assigned }: Delegated, beforeWrite: BeforeWrite): Promise<Changed> {
  const { job } = assigned;
  const conversation = new Conversation(assigned, beforeWrite);
  try {
    const done = await conversation.hold(actors, limits);
    const kept = new Set(done.kept);
    const outcomes = pair(job, done).map(([sink, message]) => outcomeOf(sink, message));
    return { done, outcomes, temps: bounded(conversation.temps.filter((_, index) => kept.has(index))) };
  } catch (error) {
    const info = toErrorInfo(error);
    const outcomes = job.sinks.map((sink) => {
      return { ...gone(sink, info), bytesChanged: conversation.changing.has(sink.path) };
    });
    return { outcomes, temps: bounded(conversation.temps) };
  }
}

function gone(sink: SinkConfig, info: ErrorInfo): SinkOutcome {
  return failed(sink, { ...info, message: `${sink.path}: ${info.message}` });
}

function bounded<T>(temps: readonly T[]): readonly T[] {
  return temps.slice(-KEPT_TEMPS);
}

function believe(job: WriteJob, done: DoneMessage, now: Since): ApplyResult['records'] {
  return Object.fromEntries(
    pair(job, done).flatMap(([{ path }, { record, error }]) =>
      record && !error ? [[path, { ...record, ...sinceOf(record, job.records[path], now) }]] : [],
    ),
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

function outcomeOf(sink: SinkConfig, message: SinkMessage): SinkOutcome {
  const { result, bytesChanged, drift, warnings, evidence, error } = message;
  const base = error ? failed(sink, error) : outcome(sink, result);
  return { ...base, bytesChanged, drift, warnings, ...(evidence && { evidence }) };
}

function bytesOf({ current, next }: SinkMessage): Pick<SinkPreview, 'current' | 'next'> {
  return {
    ...(current !== undefined && { current: Buffer.from(current, 'base64') }),
    ...(next !== undefined && { next: Buffer.from(next, 'base64') }),
  };
}
