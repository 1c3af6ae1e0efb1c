import { chmodSync, closeSync, constants, fchownSync, fsync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { UserIds } from '../core/contracts.ts';
import { isErrno } from '../core/errors.ts';

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Makes directories, given outermost first, for their owner alone; synced. One that somebody made meanwhile is left as
 * it is. They are handed over inside out, so that we never work below one that is not ours any more.
 */
export function makeDirectories(paths: readonly string[], owner: UserIds): void {
  for (const path of paths.filter(make).toReversed()) {
    withDirectory(path, (fd) => {
      fchownSync(fd, owner.uid, owner.gid);
      fsyncSync(fd);
    });
    withDirectory(dirname(path), fsyncSync);
  }
}

function make(path: string): boolean {
  try {
    mkdirSync(path, 0o700);
    // An odd umask must not close it to ourselves.
    chmodSync(path, 0o700);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Without this a power cut can bring back the old names. Rejects with errno errors. */
export async function syncDirectory(path: string): Promise<void> {
  const fd = openSync(path, DIRECTORY);
  try {
    await promisify(fsync)(fd);
  } finally {
    closeSync(fd);
  }
}

/** Throws errno errors, ELOOP or ENOTDIR for a symlink. */
export function withDirectory<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, DIRECTORY);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
