import { closeSync, constants, fchmodSync, fsync, openSync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { AtomicFiles } from '../core/contracts.ts';
import type { Directory } from '../paths/held.ts';

export interface WriteOptions {
  readonly mode: number;
  /** What a power cut may take away need not be waited for. */
  readonly isSynced?: boolean;
}

/**
 * The one writer for files of our own: whole or not at all, of this mode before the first byte, and on disk when it
 * resolves. Rejects with errno errors.
 */
export async function writeOwn(
  files: AtomicFiles,
  directory: Directory,
  name: string,
  { bytes, mode, isSynced = true }: WriteOptions & { readonly bytes: Buffer },
): Promise<void> {
  await files.replace(directory.at(name), async (temp) => {
    const fd = openSync(temp, constants.O_WRONLY | constants.O_NOFOLLOW);
    try {
      fchmodSync(fd, mode);
      writeAll(fd, bytes);
      if (isSynced) await promisify(fsync)(fd);
    } finally {
      closeSync(fd);
    }
  });
  if (isSynced) await directory.sync();
}

/** A full disk or a limit shows as a short count first, and as an error only when the rest is tried. */
export function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) {
    const count = writeSync(fd, bytes, done);
    if (count === 0) throw Object.assign(new Error('short write'), { code: 'ENOSPC', syscall: 'write' });
    done += count;
  }
}
