import { basename } from 'node:path';
import * as v from 'valibot';
import type { SinkConfig } from '../../core/config.ts';
import type { ErrorCode } from '../../core/errors.ts';
import type { SinkResult } from '../../core/outcomes.ts';
import { printable } from '../../core/printable.ts';
import { isTempOf } from '../../files/sweep.ts';
import type { Job } from '../contract.ts';
import { big, id, integer, moment, sinkRecordSchema } from '../record.ts';
import { LIMITS, type Message, type Refused, type SinkMessage, type Verdicts } from './message.ts';

/**
 * What a process that acts as another user may have said. That user may have taken it over, so nothing is taken as it
 * comes: of the right form, of a length that is known, and without characters that steer a terminal.
 */

const word = (limit: number): v.GenericSchema<string> => v.pipe(v.string(), v.maxLength(limit), v.transform(printable));

/** All that comes of working on a sink, and nothing that would be about the agent itself. */
const CODES: Readonly<Record<Extract<ErrorCode, `SINK_${string}`>, true>> = {
  SINK_OUTDATED: true,
  SINK_UNSAFE_PATH: true,
  SINK_NOT_REGULAR: true,
  SINK_FORMAT_REFUSED: true,
  SINK_TOO_LARGE: true,
  SINK_NOT_OURS: true,
  SINK_OWNER_UNKNOWN: true,
  SINK_OWNER_DENIED: true,
  SINK_UNREADABLE: true,
  SINK_WRITE_FAILED: true,
  SINK_CONFLICT: true,
  SINK_UNVERIFIED: true,
  SINK_TIMEOUT: true,
  SINK_ACTOR_FAILED: true,
};

const code = v.custom<keyof typeof CODES | 'INTERNAL'>(
  (value) => value === 'INTERNAL' || (typeof value === 'string' && Object.hasOwn(CODES, value)),
);

const errorInfo = v.object({ code, message: word(LIMITS.text), hint: v.exactOptional(word(LIMITS.text)) });

const evidence = v.variant('kind', [
  v.object({ kind: v.literal('read'), writtenAt: moment, readAt: moment }),
  v.object({ kind: v.picklist(['unread', 'unknown']), writtenAt: moment }),
]);

const bytes = v.pipe(v.string(), v.maxLength(Math.ceil(LIMITS.shown / 3) * 4), v.base64());

const WRITING = ['written', 'repaired', 'unchanged', 'outdated', 'refused', 'failed'] as const;
const FORGETTING = ['forgotten', 'removed', 'unchanged', 'refused', 'failed'] as const;

/** What may come of a sink in each kind of job. */
const RESULTS: Readonly<Record<Job['kind'], readonly SinkResult[]>> = {
  apply: WRITING,
  preview: WRITING,
  forget: FORGETTING,
  'preview-forget': FORGETTING,
};

function sinkMessage(kind: Job['kind']): v.GenericSchema<unknown, SinkMessage> {
  return v.pipe(
    v.object({
      result: v.picklist(RESULTS[kind]),
      bytesChanged: v.boolean(),
      drift: v.pipe(v.array(v.picklist(['missing', 'bytes', 'mode', 'owner'])), v.maxLength(4)),
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

const refused = v.object({ refused: word(LIMITS.warning) });

const verdict = v.variant('kind', [
  v.object({ kind: v.literal('self') }),
  v.object({ kind: v.literal('user'), uid: v.pipe(id, v.minValue(1)), at: word(LIMITS.text), isClaim: v.boolean() }),
  v.object({ kind: v.literal('refused'), error: errorInfo }),
]);

export interface Scope {
  readonly kind: Job['kind'];
  readonly sinks: readonly SinkConfig[];
  /** How many there are of them by now: the job's, and those staged since. */
  readonly temps: number;
}

/** Throws whatever is wrong with it, which is not to be shown: it may quote the message. */
export function parseMessage(line: string, { kind, sinks, temps }: Scope): Message | Refused {
  const place = integer(sinks.length - 1);
  const changing = v.pipe(v.array(place), v.maxLength(sinks.length));
  const staged = v.pipe(
    v.object({ sink: place, name: v.string(), inode: big, changing }),
    v.check(({ sink, name }) => isBeside(name, sinks[sink])),
  );
  const done = v.object({
    sinks: v.pipe(v.array(sinkMessage(kind)), v.length(sinks.length)),
    kept: v.pipe(v.array(integer(temps - 1)), v.maxLength(temps)),
  });
  const schema: v.GenericSchema<unknown, Message | Refused> = v.union([
    v.object({ staged: v.pipe(v.array(staged), v.minLength(1), v.maxLength(sinks.length)) }),
    v.object({ done }),
    refused,
  ]);
  return v.parse(schema, JSON.parse(line));
}

/** As above. */
export function parseVerdicts(line: string, directories: number): Verdicts | Refused {
  const verdicts = v.pipe(v.array(verdict), v.length(directories));
  return v.parse(v.union([v.object({ verdicts }), refused]), JSON.parse(line));
}

/** Whether it is what the temp files of this sink are called. */
function isBeside(name: string, sink: SinkConfig | undefined): boolean {
  return isTempOf(name, basename(sink?.path ?? '/'));
}
