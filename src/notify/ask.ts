import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import type { Actor, User } from '../core/contracts.ts';
import { AgentError, describeForeign, toErrorInfo } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import { readFile } from '../files/read.ts';
import { judgeCommand } from '../paths/command.ts';
import { errorOf, openFile } from '../paths/policies.ts';
import type { Walker } from '../paths/walked.ts';
import type { NotifyDeps } from './contract.ts';

/** What a process is to look at that has the rights of a path's owner, or root's own and may be kept waiting. */
export type Question =
  | { readonly kind: 'pid-file'; readonly path: string }
  | { readonly kind: 'judge'; readonly command: readonly string[] };

interface Asking {
  /** Unset: root. */
  readonly user?: User;
  /** A process that hangs there keeps others from the same place. */
  readonly at: string;
  readonly signal: AbortSignal;
}

const PATIENCE_MS = 5_000;
const MAX_BYTES = 64 * 1024;

const ROOT: User = { uid: 0, gid: 0 };

const HANGS =
  'see whether that file system answers (a network home may hang), and whether somebody stopped the process';

/**
 * What such a process answers, in the form of `schema`. It is that user's word: they may have taken the process over.
 * Rejects with CONSUMER_UNINSPECTABLE when no answer comes in time, with the error that it gives, and when `signal`
 * aborts.
 */
export async function ask<T extends object>(
  { actors }: NotifyDeps,
  question: Question,
  schema: v.GenericSchema<unknown, T>,
  { user = ROOT, at, signal }: Asking,
): Promise<T> {
  const refuse = (got: string, hint: string): never => {
    const message = `${at}: expected an answer of the process for uid ${user.uid}, got ${got}`;
    throw new AgentError('CONSUMER_UNINSPECTABLE', message, { hint });
  };
  if (!actors) return refuse('none: only root can have one', 'run the agent as root, or as that user');
  let actor: Actor | undefined;
  try {
    actor = actors.start(user, { subject: `consumer ${at}`, maxBytes: MAX_BYTES });
  } catch (error) {
    return refuse(describeForeign(error), 'see whether the machine can start programs: memory, process limits');
  }
  if (!actor) return refuse('one of an earlier pass that still hangs', HANGS);
  try {
    actor.say(JSON.stringify(question));
    const heard = await Promise.race([actor.hear(), delay(PATIENCE_MS, undefined, { ref: false, signal })]);
    if (!heard) return refuse(`none in ${PATIENCE_MS / 1000} s`, HANGS);
    if (!heard.ok) return refuse(`its end (${heard.why})`, 'look for it in the system log');
    const said = parse(heard.line, schema);
    if (!said) return refuse('nonsense', 'find out who runs in its place: that user may have taken it over');
    if ('refused' in said) return refuse(said.refused, 'the agent needs CAP_SETUID and CAP_SETGID for it');
    if ('error' in said) throw new AgentError(said.error.code, said.error.message, said.error);
    return said;
  } finally {
    actor.end();
  }
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

/**
 * What this process finds with its own rights, which are the ones that are asked for by now, as a line of JSON. It may
 * wait: whoever asked does so only until a deadline. Undefined when the line, which is the agent's, asks something else.
 */
export function answer(line: string, uid: number): string | undefined {
  const question = JSON.parse(line) as Question | { readonly kind: 'other' };
  if (question.kind !== 'judge' && question.kind !== 'pid-file') return undefined;
  try {
    const walker = { uid, mayWait: true };
    const found =
      question.kind === 'judge'
        ? { faults: judgeCommand(question.command, walker) }
        : lookAtPidFile(question.path, walker);
    return JSON.stringify(found);
  } catch (error) {
    return JSON.stringify({ error: toErrorInfo(error, 'CONSUMER_UNINSPECTABLE') });
  }
}

/** What one process finds at the path of a pid file with its own rights; behind `at` nothing was looked at. */
export type Look = v.InferOutput<typeof LOOK>;

const integer = v.pipe(v.number(), v.integer());

export const LOOK = v.variant('kind', [
  v.object({ kind: v.literal('file'), pid: v.nullable(integer), writtenAt: v.number() }),
  v.object({ kind: v.literal('absent') }),
  v.object({ kind: v.literal('user'), at: v.string(), uid: integer, isClaim: v.boolean() }),
  v.object({ kind: v.literal('remote'), at: v.string() }),
]);

/** Throws AgentError. */
export function lookAtPidFile(path: string, walker: Walker): Look {
  using found = openFile('pid_file', path, walker);
  if (found.kind === 'file') return read(path, found.held);
  if (found.kind === 'refused') throw errorOf('pid_file', path, found);
  return v.parse(LOOK, found);
}

function read(path: string, held: Parameters<typeof readFile>[0]): Look {
  try {
    const { bytes, stat } = readFile(held, { notRegular: 'CONSUMER_UNSAFE', tooLarge: 'CONSUMER_UNSAFE' });
    return { kind: 'file', pid: parsePid(bytes), writtenAt: Number(stat.mtimeMs) };
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError('CONSUMER_UNINSPECTABLE', `${path}: expected to read it, got ${toErrorInfo(error).message}`);
  }
}

/** Some programs write more behind the number, in lines of its own. What else stands there is not repeated anywhere. */
function parsePid(bytes: Buffer): number | null {
  const [, digits] = /^[ \t]*(\d{1,10})[ \t\r]*(?:\n|$)/.exec(bytes.toString('latin1', 0, 64)) ?? [];
  return digits === undefined ? null : Number(digits);
}
