import { closeSync, openSync } from 'node:fs';
import { dlopen } from 'node:ffi';

const LOCK_EX = 2;
const LOCK_NB = 4;

const { functions } = dlopen(null, { flock: { arguments: ['i32', 'i32'], return: 'i32' } });

/**
 * Takes the kernel's lock on a file, or gives undefined when another process has it. It ends with the process
 * whatever becomes of that, so it cannot go stale, and a child does not inherit it (O_CLOEXEC).
 */
export function tryLock(path: string): Disposable | undefined {
  const fd = openSync(path, 'a', 0o600);
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
