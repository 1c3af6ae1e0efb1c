import { closeSync, constants, openSync } from 'node:fs';
import { dlopen } from 'node:ffi';
import type { Directory } from '../paths/held.ts';

const LOCK_EX = 2;
const LOCK_NB = 4;

const { functions } = dlopen(null, { flock: { arguments: ['i32', 'i32'], return: 'i32' } });

const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Takes the kernel's lock on a file in a directory of our own, or gives undefined when another process has it. It ends with the process
 * whatever becomes of that, so it cannot go stale, and a child does not inherit it (O_CLOEXEC).
 */
export function tryLock(directory: Directory, name: string): Disposable | undefined {
  const fd = openSync(directory.at(name), FLAGS, 0o600);
  if (functions.flock(fd, LOCK_EX | LOCK_NB) !== 0) {
    closeSync(fd);
    return undefined;
  }
  return {
    [Symbol.dispose](): void {
      closeSync(fd);
    },
  };
}
