import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import type { Actor, User } from '../core/contracts.ts';
import { AgentError, describeForeign } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import type { NotifyDeps } from './contract.ts';

/** What a process is to look at that has the rights of a path's owner, or root's own and may be kept waiting. */
export type Question =
  | { readonly kind: 'pid-file'; readonly path: string }
  | { readonly kind: 'judge'; readonly command: readonly string[] };

export interface Asking {
  readonly user: User;
  /** One that hangs there keeps others from the same place. */
  readonly at: string;
  readonly signal: AbortSignal;
}

/** Milliseconds. */
const PATIENCE = 5_000;
const MAX_BYTES = 64 * 1024;

const HANGS =
  'see whether that file system answers (a network home may hang), and whether somebody stopped the process';

/**
 * What such a process answers, in the form of `schema`. It is that user's word: they may have taken the process over.
 * Rejects with CONSUMER_UNINSPECTABLE when no answer comes in time, with the error that it gives, and when `signal`
 * aborts.
 */
export async function ask<T extends object>(
  deps: NotifyDeps,
  question: Question,
  schema: v.GenericSchema<unknown, T>,
  { user, at, signal }: Asking,
): Promise<T> {
  const failed = (got: string, hint: string): AgentError => {
    const message = `${at}: expected an answer of the process for uid ${user.uid}, got ${got}`;
    return new AgentError('CONSUMER_UNINSPECTABLE', message, { hint });
  };
  const actor = start(deps, { user, at }, failed);
  try {
    actor.say(JSON.stringify(question));
    const heard = await Promise.race([actor.hear(), delay(PATIENCE, undefined, { ref: false, signal })]);
    if (!heard) throw failed(`none in ${PATIENCE / 1000} s`, HANGS);
    if (!heard.ok) throw failed(`its end (${heard.why})`, 'look for it in the system log');
    const answer = parse(heard.line, schema);
    if (!answer) throw failed('nonsense', 'find out who runs in its place: that user may have taken it over');
    if ('refused' in answer) throw failed(answer.refused, 'the agent needs CAP_SETUID and CAP_SETGID for it');
    if ('error' in answer) throw new AgentError(answer.error.code, answer.error.message, answer.error);
    return answer;
  } finally {
    actor.end();
  }
}

function start(
  { actors }: NotifyDeps,
  { user, at }: Pick<Asking, 'user' | 'at'>,
  failed: (got: string, hint: string) => AgentError,
): Actor {
  if (!actors) throw failed('none: only root can have one', 'run the agent as root, or as that user');
  try {
    const actor = actors.start(user, { subject: `consumer ${at}`, maxBytes: MAX_BYTES });
    if (actor) return actor;
  } catch (error) {
    throw failed(describeForeign(error), 'see whether the machine can start programs: memory, process limits');
  }
  throw failed('one of an earlier pass that still hangs', HANGS);
}

const word = v.pipe(v.string(), v.maxLength(16_384), v.transform(printable));

/** The form of an error in an answer. */
export const ERROR = v.object({
  code: v.picklist(['CONSUMER_UNSAFE', 'CONSUMER_UNINSPECTABLE']),
  message: word,
  hint: v.exactOptional(word),
});

const failure = v.union([v.object({ refused: word }), v.object({ error: ERROR })]);

function parse<T>(line: string, schema: v.GenericSchema<unknown, T>): T | v.InferOutput<typeof failure> | undefined {
  try {
    return v.parse(v.union([failure, schema]), JSON.parse(line));
  } catch {
    return undefined;
  }
}
