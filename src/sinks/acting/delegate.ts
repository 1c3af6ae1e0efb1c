import { dirname, join } from 'node:path';
import type { SinkConfig } from '../../core/config.ts';
import type { Actors, User } from '../../core/contracts.ts';
import { AgentError, toErrorInfo } from '../../core/errors.ts';
import { idOf } from '../../core/sink-id.ts';
import { Talk } from '../../core/talk.ts';
import {
  type BeforeWrite,
  type JobResult,
  isPreview,
  type Job,
  type SinkPreview,
  type Staged,
  type TempFile,
} from '../contract.ts';
import { failed, outcome } from '../place/failure.ts';
import type { Since, SinkRecord } from '../record.ts';
import { type DoneMessage, parseMessage, type SinkMessage, type StagedMessage } from './answer.ts';
import { type ActingLimits, TALK_CODES, encodeJob, GO, maxBytes } from './message.ts';

export interface Delegated {
  readonly user: User;
  /** The mount where it may hang; unset: any path of the user's. */
  readonly mount?: string | undefined;
  readonly actors: Actors;
  readonly limits: ActingLimits;
  readonly job: Job;
}

export interface Hooks {
  readonly beforeWrite: BeforeWrite;
  /** The time of new bytes; called when they are in the files. */
  readonly now: () => Since;
}

/** The most temp files to remember that could not be removed; beyond, the oldest are left to their user. */
const KEPT_TEMPS = 1_000;
/** A sink is staged again when another program changes it meanwhile: in all, so many times. */
const STAGED_AT_MOST = 3;

/** Files that a process has staged by now, whether or not its job succeeds. */
interface Progress {
  /** The job's temp files, then those that were staged since. */
  readonly temps: TempFile[];
  /** The sinks that may have other bytes by now. */
  readonly changing: Set<SinkConfig>;
}

/** Has a process of a user work on that user's sinks. If it fails, each of them has failed; never rejects. */
export async function delegate(delegated: Delegated, { beforeWrite, now }: Hooks): Promise<JobResult> {
  const { job } = delegated;
  const progress: Progress = { temps: [...job.temps], changing: new Set() };
  try {
    const done = await runJob(delegated, progress, isPreview(job.kind) ? refuse : beforeWrite);
    const kept = new Set(done.kept);
    return {
      outcomes: pair(job, done).map(([sink, message]) => outcomeOf(sink, message)),
      records: believe(job, done, now()),
      temps: progress.temps.filter((_, index) => kept.has(index)).slice(-KEPT_TEMPS),
    };
  } catch (error) {
    const { message, ...info } = toErrorInfo(error);
    const outcomes = job.sinks.map((sink) => {
      const gone = failed(sink, { ...info, message: `${sink.path}: ${message}` });
      return { ...gone, bytesChanged: progress.changing.has(sink) };
    });
    return { outcomes, records: {}, temps: progress.temps.slice(-KEPT_TEMPS) };
  }
}

/**
 * Gives the job to a process that acts as a user. Its answers are checked, and can be wrong about no more than that
 * user's own sinks. Rejects with SINK_TIMEOUT and SINK_ACTOR_FAILED; the process is ended in any case.
 */
async function runJob(
  { user, mount = 'sinks', job, actors, limits: { jobMs, perSinkMs } }: Delegated,
  { temps, changing }: Progress,
  beforeWrite: BeforeWrite,
): Promise<DoneMessage> {
  const patienceMs = jobMs + perSinkMs * job.sinks.length;
  using talk = new Talk(actors, { user, subject: mount, maxBytes: maxBytes(job), patienceMs, codes: TALK_CODES });
  talk.say(encodeJob(job));
  for (;;) {
    const message = await talk.hear((line) => parseMessage(line, { ...job, temps: temps.length }));
    if ('done' in message) return message.done;
    const staged = message.staged.flatMap((one) => locate(one, user, job) ?? []);
    temps.push(...staged.map(({ temp }) => temp));
    if (temps.length > job.temps.length + STAGED_AT_MOST * job.sinks.length) throw talk.tooMuch();
    await beforeWrite(staged);
    for (const sink of staged.flatMap((one) => one.changing)) changing.add(sink);
    talk.say(GO);
  }
}

/** A temp file is always beside its sink, whatever the process says. */
function locate({ sink, name, inode, changing }: StagedMessage, { uid }: User, { sinks }: Job): Staged | undefined {
  const file = sinks[sink];
  if (!file) return undefined;
  const temp = { path: join(dirname(file.path), name), inode, uid };
  return { file, temp, changing: changing.flatMap((each) => sinks[each] ?? []) };
}

function refuse(): Promise<never> {
  return Promise.reject(new AgentError('SINK_ACTOR_FAILED', 'expected a preview, got a change'));
}

function believe(job: Job, done: DoneMessage, now: Since): JobResult['records'] {
  if (job.kind !== 'apply') return {};
  return Object.fromEntries(
    pair(job, done).flatMap(([sink, { record, error }]) => {
      const id = idOf(sink);
      return record && !error ? [[id, { ...record, ...sinceOf(record, job.records[id], now) }]] : [];
    }),
  );
}

/** Consumers are notified by this time, so the process may repeat the one on record, and no other. */
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
  const { result, error, record: _record, current, next, ...known } = message;
  return {
    ...(error ? failed(sink, error) : outcome(sink, result)),
    ...known,
    ...(current !== undefined && { current: Buffer.from(current, 'base64') }),
    ...(next !== undefined && { next: Buffer.from(next, 'base64') }),
  };
}
