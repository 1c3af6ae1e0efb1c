import { fchmodSync, fstatSync, fsync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { AtomicFiles } from '../core/contracts.ts';
import type { Directory } from '../paths/held.ts';

export interface Content {
  readonly bytes: Buffer;
  /** From before the first byte on. */
  readonly mode: number;
  /** What a power cut may take away need not be waited for. */
  readonly isSynced?: boolean;
}

/** The one writer for files of our own: whole or not at all, and on disk when it resolves. Rejects with errno errors. */
export async function writeOwn(
  files: AtomicFiles,
  directory: Directory,
  name: string,
  content: Content,
): Promise<void> {
  await files.replace(directory.at(name), ({ fd }) => fill(fd, content));
  // Without this a power cut can bring back the old file.
  if (content.isSynced !== false) await directory.sync();
}

/** Fills an empty file. Rejects with errno errors. */
async function fill(fd: number, { bytes, mode, isSynced = true }: Content): Promise<void> {
  if ((fstatSync(fd).mode & 0o7777) !== mode) fchmodSync(fd, mode);
  writeAll(fd, bytes);
  if (isSynced) await promisify(fsync)(fd);
}

/** A full disk or a limit shows as a short count first, and as an error only when the rest is tried. */
export function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) {
    const count = writeSync(fd, bytes, done);
    if (count === 0) throw Object.assign(new Error('short write'), { code: 'ENOSPC', syscall: 'write' });
    done += count;
  }
}
