import { basename } from 'node:path';
import * as v from 'valibot';
import { type ErrorCode, isErrorCode } from '../../core/exit.ts';
import type { SinkResult } from '../../core/outcomes.ts';
import { printable } from '../../core/printable.ts';
import { isTempOf } from '../../files/sweep.ts';
import type { Job } from '../contract.ts';
import type { Verdict } from '../place/places.ts';
import { big, id, integer, moment, sinkRecordSchema } from '../record.ts';
import { LIMITS } from './message.ts';

/**
 * What a process that acts as another user answers, each a line of JSON. That user may have taken it over, so nothing is
 * taken as it comes: of the right form, of a length that is known, and without characters that steer a terminal. Sinks
 * are named by their place in the job.
 */

const word = (limit: number): v.GenericSchema<string> => v.pipe(v.string(), v.maxLength(limit), v.transform(printable));

/** All that comes of working on a sink, and nothing that would be about the agent itself. */
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
    }),
    v.check(({ result, error }) => ['outdated', 'refused', 'failed'].includes(result) === (error !== undefined)),
  );
}

/** It could not become that user, and has read nothing. */
const refused = v.object({ refused: word(LIMITS.warning) });

export type Refused = v.InferOutput<typeof refused>;

export interface Scope extends Pick<Job, 'kind' | 'sinks'> {
  /** How many there are of them by now: the job's, and those staged since. */
  readonly temps: number;
}

function messageSchema({ kind, sinks, temps }: Scope) {
  const place = integer(sinks.length - 1);
  /** An empty temp file beside a sink. The process goes on when it hears `go`. */
  const staged = v.pipe(
    v.object({
      sink: place,
      name: v.string(),
      inode: big,
      /** The sinks whose bytes will be others. */
      changing: v.pipe(v.array(place), v.maxLength(sinks.length)),
    }),
    v.check(({ sink, name }) => isTempOf(name, basename(sinks[sink]?.path ?? '/'))),
  );
  const done = v.object({
    sinks: v.pipe(v.array(sinkSchema(kind)), v.length(sinks.length)),
    /** What is still to be swept: places in the job's temp files, and after these in those that were staged. */
    kept: v.pipe(v.array(integer(temps - 1)), v.maxLength(temps)),
  });
  return v.union([
    v.object({ staged: v.pipe(v.array(staged), v.minLength(1), v.maxLength(sinks.length)) }),
    v.object({ done }),
    refused,
  ]);
}

export type Message = Exclude<v.InferOutput<ReturnType<typeof messageSchema>>, Refused>;
export type StagedMessage = Extract<Message, { staged: unknown }>['staged'][number];
export type DoneMessage = Extract<Message, { done: unknown }>['done'];
export type SinkMessage = DoneMessage['sinks'][number];

/** Throws whatever is wrong with it, which is not to be shown: it may quote the message. */
export function parseMessage(line: string, scope: Scope): Message | Refused {
  return v.parse(messageSchema(scope), JSON.parse(line));
}

const verdict = v.variant('kind', [
  v.object({ kind: v.literal('self') }),
  v.object({ kind: v.literal('user'), uid: v.pipe(id, v.minValue(1)), at: word(LIMITS.text), isClaim: v.boolean() }),
  v.object({ kind: v.literal('refused'), error: errorInfo }),
]);

/** To a look: one for each directory. */
export interface Verdicts {
  readonly verdicts: readonly Verdict[];
}

/** As above. */
export function parseVerdicts(line: string, directories: number): Verdicts | Refused {
  const verdicts = v.pipe(v.array(verdict), v.length(directories));
  return v.parse(v.union([v.object({ verdicts }), refused]), JSON.parse(line));
}
