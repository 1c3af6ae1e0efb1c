import * as v from 'valibot';
import type { Actors, User, UserIds, Users } from '../core/contracts.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import { isErrorCode, type ErrorCode } from '../core/exit.ts';
import { printable } from '../core/printable.ts';
import { Talk } from '../core/talk.ts';
import { readFile } from '../files/read.ts';
import { judgeCommand } from '../paths/command.ts';
import { codesOf, errorOf, openFile, type Use } from '../paths/policies.ts';
import type { Walker } from '../paths/walked.ts';

/** A task for a process with the rights of a path's owner, or for one of root's that may hang. */
export type OwnerTask =
  /** `most`: bytes from the start that are wanted. */
  | { readonly kind: 'read'; readonly use: Use; readonly path: string; readonly most: number }
  | { readonly kind: 'judge'; readonly command: readonly string[] };

export interface AskDeps {
  /** Only root has them. */
  readonly actors?: Actors;
  readonly users: Users;
  /** The agent's identity. */
  readonly self: UserIds;
}

interface AskOptions {
  /** Unset: root. */
  readonly user?: User;
  /** The path that it looks at: no second process starts for a path where one hangs. */
  readonly at: string;
  readonly signal: AbortSignal;
}

const PATIENCE_MS = 5_000;
/** Of an answer beside the bytes of a file, which take a third more. */
const ANSWER_BYTES = 64 * 1024;
const BASE64 = 4 / 3;

const ROOT: User = { uid: 0, gid: 0 };

/**
 * The answer of such a process, in the form of `schema`. Only that user vouches for it: they may have taken the process
 * over. Rejects with the code of the use for what cannot be seen when no answer comes in time, with the error that it
 * answers, and when `signal` aborts.
 */
export async function ask<T extends object>(
  { actors }: Pick<AskDeps, 'actors'>,
  task: OwnerTask,
  schema: v.GenericSchema<unknown, T>,
  { user = ROOT, at, signal }: AskOptions,
): Promise<T> {
  const { unseen } = codesOf(task.kind === 'read' ? task.use : 'program');
  if (!actors) {
    const message = `${at}: expected a process for uid ${user.uid}, got none: only root can have one`;
    throw new AgentError(unseen, message, { hint: 'run the agent as root, or as that user' });
  }
  const maxBytes = ANSWER_BYTES + (task.kind === 'read' ? Math.ceil(task.most * BASE64) : 0);
  const codes = { timeout: unseen, failed: unseen };
  const subject = `${task.kind} ${at}`;
  using talk = new Talk(actors, { user, subject, about: at, maxBytes, patienceMs: PATIENCE_MS, codes });
  talk.say(JSON.stringify(task));
  const answers = v.union([refused, failure, schema]);
  const said = await talk.hear<T | v.InferOutput<typeof failure>>((line) => v.parse(answers, JSON.parse(line)), signal);
  if ('error' in said) throw new AgentError(said.error.code, said.error.message, said.error);
  return said;
}

const word = v.pipe(v.string(), v.maxLength(16_384), v.transform(printable));

/** An error in an answer, about the path alone: no process may speak for the agent itself. */
export const ERROR = v.object({
  code: v.custom<ErrorCode>(
    (value) => typeof value === 'string' && /^(?:CONSUMER|SOURCE)_/.test(value) && isErrorCode(value),
  ),
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
  const task = JSON.parse(line) as OwnerTask | { readonly kind: 'other' };
  if (task.kind !== 'judge' && task.kind !== 'read') return undefined;
  try {
    const walker = { uid, mayWait: true };
    return JSON.stringify(task.kind === 'judge' ? { faults: judgeCommand(task.command, walker) } : look(task, walker));
  } catch (error) {
    const unseen = task.kind === 'read' ? codesOf(task.use).unseen : 'CONSUMER_UNINSPECTABLE';
    return JSON.stringify({ error: toErrorInfo(error, unseen) });
  }
}

const integer = v.pipe(v.number(), v.integer());

/** The result of a look at a file with the rights of one process, which did not look beyond `at`. */
const LOOK = v.variant('kind', [
  v.object({
    kind: v.literal('file'),
    mode: integer,
    realPath: v.pipe(v.string(), v.maxLength(4096)),
    bytes: v.string(),
    writtenAt: v.number(),
    stat: v.pipe(v.string(), v.maxLength(200)),
  }),
  v.object({ kind: v.literal('absent') }),
  v.object({ kind: v.literal('user'), at: v.string(), uid: integer, isClaim: v.boolean() }),
  v.object({ kind: v.literal('remote'), at: v.string() }),
]);

type Look = v.InferOutput<typeof LOOK>;
type ReadTask = Extract<OwnerTask, { readonly kind: 'read' }>;

/** Throws AgentError. */
function look({ use, path, most }: ReadTask, walker: Walker): Look {
  using found = openFile(use, path, walker);
  if (found.kind === 'refused') throw errorOf(use, path, found);
  if (found.kind !== 'file') return v.parse(LOOK, found);
  const { unsafe, unseen } = codesOf(use);
  try {
    const { bytes, stat } = readFile(found.held, { notRegular: unsafe, tooLarge: unsafe });
    const seen = [stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs].join(' ');
    const start = bytes.toString('base64', 0, most);
    const { path: realPath } = found.held;
    const mode = Number(stat.mode) & 0o7777;
    return { kind: 'file', mode, realPath, bytes: start, writtenAt: Number(stat.mtimeMs), stat: seen };
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError(unseen, `${path}: expected to read it, got ${toErrorInfo(error).message}`);
  }
}

/** A file that somebody else keeps, as it was read with their rights. */
export interface OwnersFile {
  /** Not more than were asked for. */
  readonly bytes: Buffer;
  /** Permission bits. */
  readonly mode: number;
  /** Without symlinks. */
  readonly realPath: string;
  /** Epoch milliseconds. */
  readonly writtenAt: number;
  /** Tells this version of the file from others. */
  readonly stat: string;
  /** The user who controls the file; unset: root or the agent. */
  readonly user?: number;
}

/**
 * Undefined if there is none. Below a user's directory everything can be that user's trap, so a process with no other
 * rights reads it; on a file system that may let us wait, a process of root's does. Rejects with the codes of the use.
 */
export async function readAsOwner(
  deps: AskDeps,
  { use, path, most }: Omit<ReadTask, 'kind'>,
  signal: AbortSignal,
): Promise<OwnersFile | undefined> {
  const { uid } = deps.self;
  const task = { kind: 'read', use, path, most } as const;
  let seen = look(task, { uid, mayWait: uid !== 0 });
  if (seen.kind === 'remote') seen = await ask(deps, task, LOOK, { at: seen.at, signal });
  const user = seen.kind === 'user' ? await actingUser(deps, task, seen) : undefined;
  if (seen.kind === 'user' && user) seen = await ask(deps, task, LOOK, { user, at: seen.at, signal });
  if (seen.kind === 'absent') return undefined;
  if (seen.kind !== 'file') throw unsafe(task, `${path}: expected a path of root or of one user, got one of several`);
  const { kind: _, bytes, ...known } = seen;
  return { ...known, bytes: Buffer.from(bytes, 'base64').subarray(0, most), ...(user && { user: user.uid }) };
}

/** Programs without a user of their own run as nobody, and an id without an entry may be given to any user tomorrow. */
const NOBODY = 65534;

async function actingUser(
  deps: AskDeps,
  task: ReadTask,
  { at, uid, isClaim }: Extract<Look, { readonly kind: 'user' }>,
): Promise<User> {
  // The first user to come made it, in place of the one who is meant.
  if (isClaim) throw unsafe(task, `${task.path}: expected ${at} to be root's, since others make entries beside it`);
  const user = await deps.users.user(uid);
  if (user && !user.isUnlisted && uid !== NOBODY) return user;
  const message = `${task.path}: expected a user of this machine as the owner of ${at}, got uid ${uid}, which is nobody's`;
  throw unsafe(task, message);
}

function unsafe({ use }: ReadTask, message: string): AgentError {
  const hint = 'have the program write it below a directory in which root alone makes entries, such as /run/app';
  return new AgentError(codesOf(use).unsafe, message, { hint });
}
