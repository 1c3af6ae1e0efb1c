import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OwnDirectory } from '../src/files/own.ts';
import { tryLock } from '../src/system/descriptors.ts';

/** Between two looks at the lock; milliseconds. */
const PAUSE = 50;

/**
 * Does a work while nobody else does one under the same lock, which is a file: what takes long is made once, and whoever
 * waited meanwhile finds it.
 */
export async function alone<T>(lock: string, work: () => Promise<T>): Promise<T> {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  using directory = new OwnDirectory(dirname(lock), owner).open();
  for (;;) {
    using taken = tryLock(directory, basename(lock));
    if (taken) return await work();
    await delay(PAUSE);
  }
}
