import { basename } from 'node:path';
import * as v from 'valibot';
import { type ErrorCode, isErrorCode } from '../../core/exit.ts';
import type { SinkResult } from '../../core/outcomes.ts';
import { printable } from '../../core/printable.ts';
import type { RefusedIdentity } from '../../core/talk.ts';
import { isTempOf } from '../../files/sweep.ts';
import type { Job } from '../contract.ts';
import type { Authority } from '../place/places.ts';
import { big, id, integer, moment, sinkRecordSchema } from '../record.ts';
import { LIMITS } from './message.ts';

/**
 * Answers of a process that acts as a user, each a line of JSON. The user may have taken it over, so everything in them
 * is checked: its form, its length, and that no character steers a terminal. Sinks are named by their index in the job.
 */

const word = (limit: number): v.GenericSchema<string> => v.pipe(v.string(), v.maxLength(limit), v.transform(printable));

/** Codes about sinks; no process may speak for the agent itself. */
const code = v.custom<ErrorCode>(
  (value) => value === 'INTERNAL' || (typeof value === 'string' && value.startsWith('SINK_') && isErrorCode(value)),
);

const errorInfo = v.object({ code, message: word(LIMITS.text), hint: v.exactOptional(word(LIMITS.text)) });

const evidence = v.variant('kind', [
  v.object({ kind: v.literal('read'), writtenAt: moment, readAt: moment }),
  v.object({ kind: v.picklist(['unread', 'unknown']), writtenAt: moment }),
]);

const bytes = v.pipe(v.string(), v.maxLength(Math.ceil(LIMITS.shown / 3) * 4), v.base64());

const WRITING: readonly SinkResult[] = ['written', 'repaired', 'unchanged', 'outdated', 'refused', 'failed'];
const FORGETTING: readonly SinkResult[] = ['forgotten', 'removed', 'unchanged', 'refused', 'failed'];

function sinkSchema(kind: Job['kind']) {
  return v.pipe(
    v.object({
      result: v.picklist(kind === 'apply' || kind === 'preview' ? WRITING : FORGETTING),
      bytesChanged: v.boolean(),
      drift: v.pipe(v.array(v.picklist(['missing', 'bytes', 'mode', 'owner'])), v.maxLength(4), v.readonly()),
      detail: v.exactOptional(word(LIMITS.text)),
      warnings: v.pipe(v.array(word(LIMITS.warning)), v.maxLength(LIMITS.warnings)),
      isUnreachable: v.exactOptional(v.literal(true)),
      evidence: v.exactOptional(evidence),
      error: v.exactOptional(errorInfo),
      record: v.exactOptional(sinkRecordSchema),
      current: v.exactOptional(bytes),
      next: v.exactOptional(bytes),
      diff: v.exactOptional(v.pipe(v.array(word(LIMITS.warning)), v.maxLength(LIMITS.diff))),
    }),
    v.check(({ result, error }) => ['outdated', 'refused', 'failed'].includes(result) === (error !== undefined)),
  );
}

const refused = v.object({ refused: word(LIMITS.warning) });

/** The job that is answered. */
export interface AnsweredJob extends Pick<Job, 'kind' | 'sinks'> {
  /** How many temp files there are by now: the job's, and those staged since. */
  readonly temps: number;
}

function messageSchema({ kind, sinks, temps }: AnsweredJob) {
  const index = integer(sinks.length - 1);
  /** An empty temp file beside a sink. The process continues after `go`. */
  const staged = v.pipe(
    v.object({
      sink: index,
      name: v.string(),
      inode: big,
      /** The sinks whose bytes will change. */
      changing: v.pipe(v.array(index), v.maxLength(sinks.length)),
    }),
    v.check(({ sink, name }) => isTempOf(name, basename(sinks[sink]?.path ?? '/'))),
  );
  const done = v.object({
    sinks: v.pipe(v.array(sinkSchema(kind)), v.length(sinks.length)),
    /** Temp files that are still to be removed: indexes in the job's, continued in those that were staged. */
    kept: v.pipe(v.array(integer(temps - 1)), v.maxLength(temps)),
  });
  return v.union([
    v.object({ staged: v.pipe(v.array(staged), v.minLength(1), v.maxLength(sinks.length)) }),
    v.object({ done }),
    refused,
  ]);
}

export type Message = Exclude<v.InferOutput<ReturnType<typeof messageSchema>>, RefusedIdentity>;
export type StagedMessage = Extract<Message, { staged: unknown }>['staged'][number];
export type DoneMessage = Extract<Message, { done: unknown }>['done'];
export type SinkMessage = DoneMessage['sinks'][number];

/** Throws errors that may not be shown: they may quote the message. */
export function parseMessage(line: string, asked: AnsweredJob): Message | RefusedIdentity {
  return v.parse(messageSchema(asked), JSON.parse(line));
}

const authority = v.variant('kind', [
  v.object({ kind: v.literal('self') }),
  v.object({ kind: v.literal('user'), uid: v.pipe(id, v.minValue(1)), at: word(LIMITS.text), isClaim: v.boolean() }),
  v.object({ kind: v.literal('volume'), at: word(LIMITS.text) }),
  v.object({ kind: v.literal('refused'), error: errorInfo }),
]);

/** The answer to a look: one authority for each directory. */
export interface LookAnswer {
  readonly authorities: readonly Authority[];
}

/** Throws as {@link parseMessage} does. */
export function parseLook(line: string, directories: number): LookAnswer | RefusedIdentity {
  const authorities = v.pipe(v.array(authority), v.length(directories));
  return v.parse(v.union([v.object({ authorities }), refused]), JSON.parse(line));
}
