import type { BigIntStats } from 'node:fs';

/** Device and inode as {@link Executable.file} has them: Node gives the device as one number. */
export function fileOf({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${major}:${minor}:${ino}`;
}
