import { constants, fstatSync, readSync, type BigIntStats } from 'node:fs';
import { onErrno, AgentError, errnoError, type ErrorCode } from '../core/errors.ts';
import type { Descriptor } from '../paths/descriptor.ts';
import type { Held } from '../paths/held.ts';

/** Far more than any configuration, pid file or credentials file has; less than would hurt. */
export const MAX_BYTES = 1024 * 1024;

export interface ReadFile {
  /** Taken before the first byte was read, so that a change while we read shows. */
  readonly stat: BigIntStats;
  readonly bytes: Buffer;
}

export interface ReadCodes {
  readonly notRegular: ErrorCode;
  readonly tooLarge: ErrorCode;
}

/**
 * The one reader for files that others can write: neither a FIFO nor a device holds us up, and no length hurts us.
 * `use` is lent the descriptor. Leaves the access time alone where we may. Throws AgentError with these codes, and
 * errno errors.
 */
export function readFile(file: Held, codes: ReadCodes, use?: (fd: number) => void): ReadFile {
  const seen = file.stat();
  refuseSpecial(file.path, seen, codes.notRegular);
  using opened = openUnread(file);
  const { fd } = opened;
  const stat = fstatSync(fd, { bigint: true });
  // A held file cannot become another; a file system that serves another all the same is not trusted.
  if (stat.dev !== seen.dev || stat.ino !== seen.ino || !stat.isFile()) throw errnoError('ESTALE', 'open');
  const bytes = stat.size > MAX_BYTES ? undefined : readCapped(fd);
  if (bytes === undefined || bytes.length > MAX_BYTES) {
    const got = bytes ? 'more' : stat.size;
    const message = `${file.path}: expected at most ${MAX_BYTES} bytes, got ${got}`;
    throw new AgentError(codes.tooLarge, message, { hint: 'this is hardly the right file: check the path' });
  }
  use?.(fd);
  return { stat, bytes };
}

/** O_NOATIME keeps the access time of the real readers; only the owner and root may ask for it. */
function openUnread(file: Held): Descriptor {
  const unread = onErrno(['EPERM'], undefined, () => file.reopen(constants.O_RDONLY | constants.O_NOATIME));
  return unread ?? file.reopen(constants.O_RDONLY);
}

/** One byte more than allowed, if there are more. The size from stat may be 0 or wrong. */
function readCapped(fd: number): Buffer {
  const chunks: Buffer[] = [];
  for (let length = 0; length <= MAX_BYTES;) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK, MAX_BYTES + 1 - length));
    const count = readSync(fd, chunk, 0, chunk.length, length);
    if (count === 0) break;
    chunks.push(chunk.subarray(0, count));
    length += count;
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

const CHUNK = 64 * 1024;

/** Throws `code` for what is no file. */
export function refuseSpecial(path: string, stat: BigIntStats, code: ErrorCode): void {
  if (stat.isFile()) return;
  const [kind, hint] = describe(stat);
  throw new AgentError(code, `${path}: expected a regular file, got ${kind}`, { hint });
}

function describe(stat: BigIntStats): readonly [kind: string, hint: string] {
  if (stat.isSymbolicLink()) return ['a symlink', 'configure the path that it leads to (readlink -f shows it)'];
  if (stat.isDirectory()) return ['a directory', 'configure a file inside it'];
  if (stat.isFIFO()) return ['a FIFO', 'put a file in its place, or configure another path'];
  return ['a device or socket', 'put a file in its place, or configure another path'];
}
