import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import type { FileSecurity } from '../core/contracts.ts';
import { AgentError, isErrno } from '../core/errors.ts';

/** A file as it stood when it was read. */
export interface Standing {
  /** Taken before the first byte was read, so that a change while we read shows. */
  readonly stat: BigIntStats;
  readonly bytes: Buffer;
  readonly hasAcl: boolean;
  readonly label: Buffer | undefined;
}

/** Far above any credentials file; below what would hurt the agent. */
const MAX_BYTES = 16n * 1024n * 1024n;

/** One lstat, undefined when nothing is there. Throws SINK_NOT_REGULAR and errno errors. */
export function lookAt(path: string): BigIntStats | undefined {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat) refuseSpecial(path, stat);
  return stat;
}

/**
 * The whole file, undefined when it went away. A FIFO or symlink that took its place neither blocks nor leads us on.
 * Throws SINK_NOT_REGULAR, SINK_TOO_LARGE and errno errors.
 */
export function readStanding(path: string, security: FileSecurity): Standing | undefined {
  const fd = openUnread(path);
  if (fd === undefined) return undefined;
  try {
    const stat = fstatSync(fd, { bigint: true });
    refuseSpecial(path, stat);
    if (stat.size > MAX_BYTES) {
      const message = `${path}: expected at most ${MAX_BYTES} bytes, got ${stat.size}`;
      throw new AgentError('SINK_TOO_LARGE', message, { hint: 'this is hardly a credentials file: check the path' });
    }
    return { stat, bytes: readAll(fd, Number(stat.size)), hasAcl: security.hasAcl(fd), label: security.label(fd) };
  } finally {
    closeSync(fd);
  }
}

/** Whether nobody has touched a file since: another inode, size or time would show. */
export function isSameFile(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  if (!one || !other) return one === other;
  const { dev, ino, size, mtimeNs, ctimeNs } = other;
  return one.dev === dev && one.ino === ino && one.size === size && one.mtimeNs === mtimeNs && one.ctimeNs === ctimeNs;
}

/** O_NOATIME leaves the file's atime to tell when its real readers came; only its owner and root may ask for it. */
function openUnread(path: string): number | undefined {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  try {
    return openSync(path, flags | constants.O_NOATIME);
  } catch (error) {
    if (isErrno(error, 'EPERM')) return openSync(path, flags);
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** So long a tool that writes in place may take from emptying a file to filling it; milliseconds. */
const FILLING = 100;

/** Throws SINK_CONFLICT: what is read there now is nobody's wish, and what would be put over it would be lost. */
export function refuseJustEmptied(path: string, { size, mtimeMs }: BigIntStats, now: number): void {
  const age = now - Number(mtimeMs);
  if (size > 0n || age < 0 || age >= FILLING) return;
  const hint = 'another program keeps writing it: let only one do so';
  throw new AgentError('SINK_CONFLICT', `${path}: expected a file that stands, got one just emptied`, { hint });
}

/** No more than `size` bytes: a file that grows meanwhile is read again before it is replaced. */
function readAll(fd: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  let length = 0;
  for (let count = 1; count > 0 && length < size; length += count) {
    count = readSync(fd, bytes, length, size - length, length);
  }
  return bytes.subarray(0, length);
}

function refuseSpecial(path: string, stat: BigIntStats): void {
  if (stat.isFile()) return;
  const [kind, hint] = describe(stat);
  throw new AgentError('SINK_NOT_REGULAR', `${path}: expected a regular file, got ${kind}`, { hint });
}

function describe(stat: BigIntStats): readonly [kind: string, hint: string] {
  if (stat.isSymbolicLink()) return ['a symlink', 'configure the path that it leads to (readlink -f shows it)'];
  if (stat.isDirectory()) return ['a directory', 'configure a file inside it'];
  if (stat.isFIFO()) return ['a FIFO', 'credentials are kept in files: remove it, or configure another path'];
  return ['a device or socket', 'remove it, or configure another path'];
}
