import * as v from 'valibot';
import type { User } from '../core/contracts.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import { readFile } from '../files/read.ts';
import { errorOf, openFile } from '../paths/policies.ts';
import type { Walker } from '../paths/walked.ts';
import { ask } from './ask.ts';
import type { NotifyDeps } from './contract.ts';

/** What a pid file says, and how much that is worth. */
export interface PidFile {
  /** As it stands there; undefined when there is no number (yet). */
  readonly pid: number | undefined;
  /** Epoch milliseconds. */
  readonly writtenAt: number;
  /** The file is this user's word and reaches this user's processes alone; unset: root's or our own. */
  readonly user?: number;
}

/** What one process finds there with its own rights. */
type Look =
  | { readonly kind: 'file'; readonly pid: number | null; readonly writtenAt: number }
  | { readonly kind: 'absent' }
  /** Nothing behind `at` was looked at. */
  | { readonly kind: 'user'; readonly at: string; readonly uid: number; readonly isClaim: boolean }
  | { readonly kind: 'remote'; readonly at: string };

const LOOK = v.variant('kind', [
  v.object({ kind: v.literal('file'), pid: v.nullable(v.pipe(v.number(), v.integer())), writtenAt: v.number() }),
  v.object({ kind: v.literal('absent') }),
  v.object({ kind: v.literal('user'), at: v.string(), uid: v.pipe(v.number(), v.integer()), isClaim: v.boolean() }),
  v.object({ kind: v.literal('remote'), at: v.string() }),
]);

const ROOT: User = { uid: 0, gid: 0 };

/**
 * Undefined when there is none. Behind a component that is a user's, everything can be a trap of that user's: it is read
 * by a process that can do no more than they can. So is, by one of root's own, what lies on a file system that may let
 * us wait. Rejects with CONSUMER_UNSAFE and CONSUMER_UNINSPECTABLE.
 */
export async function readPidFile(deps: NotifyDeps, path: string, signal: AbortSignal): Promise<PidFile | undefined> {
  const { uid } = deps.self;
  const question = { kind: 'pid-file', path } as const;
  let look = lookAtPidFile(path, { uid, mayWait: uid !== 0 });
  if (look.kind === 'remote') look = await ask(deps, question, LOOK, { user: ROOT, at: look.at, signal });
  const user = look.kind === 'user' ? await actingUser(deps, path, look) : undefined;
  if (look.kind === 'user' && user) look = await ask(deps, question, LOOK, { user, at: look.at, signal });
  if (look.kind === 'absent') return undefined;
  if (look.kind !== 'file') throw unsafe(`${path}: expected a path of root or of one user, got one of several`);
  const { pid, writtenAt } = look;
  return { pid: pid ?? undefined, writtenAt, ...(user && { user: user.uid }) };
}

/** Throws AgentError. */
export function lookAtPidFile(path: string, walker: Walker): Look {
  using found = openFile('pid_file', path, walker);
  switch (found.kind) {
    case 'file':
      return read(path, found.held);
    case 'absent':
      return { kind: 'absent' };
    case 'user':
      return { kind: 'user', at: found.at, uid: found.uid, isClaim: found.isClaim };
    case 'remote':
      return { kind: 'remote', at: found.at };
    case 'refused':
      throw errorOf('pid_file', path, found);
  }
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

/** Whoever has no user of their own runs as nobody, and a number without an entry may be anybody's by tomorrow. */
const NOBODY = 65534;

async function actingUser(
  deps: NotifyDeps,
  path: string,
  { at, uid, isClaim }: Extract<Look, { readonly kind: 'user' }>,
): Promise<User> {
  // Whoever came first made it, and would be notified in place of the one that is meant.
  if (isClaim) throw unsafe(`${path}: expected ${at} to be root's, since others make entries beside it`);
  const user = await deps.users.user(uid);
  if (user && !user.isUnlisted && uid !== NOBODY) return user;
  throw unsafe(`${path}: expected a user of this machine as the owner of ${at}, got uid ${uid}, which is nobody's`);
}

function unsafe(message: string): AgentError {
  return new AgentError('CONSUMER_UNSAFE', message, {
    hint: 'have the program write it below a directory in which root alone makes entries, such as /run/app',
  });
}

/** Some programs write more behind the number, in lines of its own. What else stands there is not repeated anywhere. */
function parsePid(bytes: Buffer): number | null {
  const [, digits] = /^[ \t]*(\d{1,10})[ \t\r]*(?:\n|$)/.exec(bytes.toString('latin1', 0, 64)) ?? [];
  return digits === undefined ? null : Number(digits);
}
