import * as v from 'valibot';
import type { User } from '../core/contracts.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import { Talk } from '../core/talk.ts';
import { readFile } from '../files/read.ts';
import { judgeCommand } from '../paths/command.ts';
import { errorOf, openFile } from '../paths/policies.ts';
import type { Walker } from '../paths/walked.ts';
import type { NotifyDeps } from './contract.ts';

/** A task for a process with the rights of a path's owner, or for one of root's that may hang. */
export type ConsumerTask =
  | { readonly kind: 'pid-file'; readonly path: string }
  | { readonly kind: 'judge'; readonly command: readonly string[] };

interface AskOptions {
  /** Unset: root. */
  readonly user?: User;
  /** The path that it looks at: no second process starts for a path where one hangs. */
  readonly at: string;
  readonly signal: AbortSignal;
}

const PATIENCE_MS = 5_000;
const MAX_BYTES = 64 * 1024;

const ROOT: User = { uid: 0, gid: 0 };
const codes = { timeout: 'CONSUMER_UNINSPECTABLE', failed: 'CONSUMER_UNINSPECTABLE' } as const;

/**
 * The answer of such a process, in the form of `schema`. Only that user vouches for it: they may have taken the process
 * over. Rejects with CONSUMER_UNINSPECTABLE when no answer comes in time, with the error that it answers, and when
 * `signal` aborts.
 */
export async function ask<T extends object>(
  { actors }: NotifyDeps,
  task: ConsumerTask,
  schema: v.GenericSchema<unknown, T>,
  { user = ROOT, at, signal }: AskOptions,
): Promise<T> {
  if (!actors) {
    const message = `${at}: expected a process for uid ${user.uid}, got none: only root can have one`;
    throw new AgentError('CONSUMER_UNINSPECTABLE', message, { hint: 'run the agent as root, or as that user' });
  }
  const partner = { user, subject: `consumer ${at}`, about: at, maxBytes: MAX_BYTES, patienceMs: PATIENCE_MS, codes };
  using talk = new Talk(actors, partner);
  talk.say(JSON.stringify(task));
  const answers = v.union([refused, failure, schema]);
  const said = await talk.hear<T | v.InferOutput<typeof failure>>((line) => v.parse(answers, JSON.parse(line)), signal);
  if ('error' in said) throw new AgentError(said.error.code, said.error.message, said.error);
  return said;
}

const word = v.pipe(v.string(), v.maxLength(16_384), v.transform(printable));

export const ERROR = v.object({
  code: v.picklist(['CONSUMER_UNSAFE', 'CONSUMER_UNINSPECTABLE']),
  message: word,
  hint: v.exactOptional(word),
});

const refused = v.object({ refused: word });
const failure = v.object({ error: ERROR });

/**
 * Answers the agent's task in a line of JSON, with the rights of this process, which are the user's by now. It may
 * hang: the agent waits only until a deadline. Undefined if the line is no task of this kind.
 */
export function answer(line: string, uid: number): string | undefined {
  const task = JSON.parse(line) as ConsumerTask | { readonly kind: 'other' };
  if (task.kind !== 'judge' && task.kind !== 'pid-file') return undefined;
  try {
    const walker = { uid, mayWait: true };
    const found =
      task.kind === 'judge' ? { faults: judgeCommand(task.command, walker) } : lookAtPidFile(task.path, walker);
    return JSON.stringify(found);
  } catch (error) {
    return JSON.stringify({ error: toErrorInfo(error, 'CONSUMER_UNINSPECTABLE') });
  }
}

/** The result of a look at a pid file with the rights of one process, which did not look beyond `at`. */
export type PidFileLook = v.InferOutput<typeof PID_FILE_LOOK>;

const integer = v.pipe(v.number(), v.integer());

export const PID_FILE_LOOK = v.variant('kind', [
  v.object({ kind: v.literal('file'), pid: v.nullable(integer), writtenAt: v.number() }),
  v.object({ kind: v.literal('absent') }),
  v.object({ kind: v.literal('user'), at: v.string(), uid: integer, isClaim: v.boolean() }),
  v.object({ kind: v.literal('remote'), at: v.string() }),
]);

/** Throws AgentError. */
export function lookAtPidFile(path: string, walker: Walker): PidFileLook {
  using found = openFile('pid_file', path, walker);
  if (found.kind === 'file') return read(path, found.held);
  if (found.kind === 'refused') throw errorOf('pid_file', path, found);
  return v.parse(PID_FILE_LOOK, found);
}

function read(path: string, held: Parameters<typeof readFile>[0]): PidFileLook {
  try {
    const { bytes, stat } = readFile(held, { notRegular: 'CONSUMER_UNSAFE', tooLarge: 'CONSUMER_UNSAFE' });
    return { kind: 'file', pid: parsePid(bytes), writtenAt: Number(stat.mtimeMs) };
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError('CONSUMER_UNINSPECTABLE', `${path}: expected to read it, got ${toErrorInfo(error).message}`);
  }
}

/** Some programs write more lines after the number. Other text is never repeated anywhere. */
function parsePid(bytes: Buffer): number | null {
  const [, digits] = /^[ \t]*(\d{1,10})[ \t\r]*(?:\n|$)/.exec(bytes.toString('latin1', 0, 64)) ?? [];
  return digits === undefined ? null : Number(digits);
}
