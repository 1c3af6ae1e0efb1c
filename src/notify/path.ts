import * as fs from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';
import { AgentError, isErrno } from '../core/errors.ts';
import { shellWord } from '../core/shell-word.ts';

/** Where a path leads, and whether somebody else decides that. */
export interface Route {
  /** Without symlinks, as far as it was followed. */
  readonly path: string;
  /** The first user on the way, beside the trusted ones: whatever lies behind is theirs. */
  readonly stranger?: number;
}

// What a user's directory is may never answer.
const lstat = promisify(fs.lstat);
const readlink = promisify(fs.readlink);

/** As the kernel. */
const MAX_LINKS = 40;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/**
 * Follows a path, symlinks by hand, until it ends or meets a component that is not owned by one of `trusted`.
 * Undefined when there is no such file. Rejects with CONSUMER_UNSAFE where a group or the world may write: then
 * nobody knows whose word it is. What is in a sticky directory counts by its own owner.
 */
export async function followPath(path: string, trusted: readonly number[]): Promise<Route | undefined> {
  const pending = path.split('/');
  let at = '/';
  for (let links = 0; pending.length > 0;) {
    const name = pending.shift() ?? '';
    const next = join(at, name);
    const found = await lstat(next).catch(unlessAbsent);
    if (!found) return undefined;
    if (!trusted.includes(found.uid)) return { path: next, stranger: found.uid };
    if (found.isSymbolicLink()) {
      if (++links > MAX_LINKS) throw unsafe(`${path}: expected a path that ends, got symlinks that do not`);
      const target = await readlink(next);
      pending.unshift(...target.split('/'));
      if (isAbsolute(target)) at = '/';
    } else {
      refuseShared(next, found);
      at = next;
    }
  }
  return { path: at };
}

function refuseShared(path: string, stat: { readonly mode: number; isDirectory(): boolean }): void {
  if ((stat.mode & WRITABLE_BY_OTHERS) === 0 || (stat.isDirectory() && (stat.mode & STICKY) !== 0)) return;
  throw unsafe(
    `${path}: expected that its owner alone can write it, got one that others can`,
    `chmod go-w ${shellWord(path)}`,
  );
}

function unsafe(message: string, hint = 'correct the path'): AgentError {
  return new AgentError('CONSUMER_UNSAFE', message, { hint });
}

/** A file that is not there is no error. */
export function unlessAbsent(error: unknown): undefined {
  if (isErrno(error, 'ENOENT')) return undefined;
  throw error;
}
