import { dlopen } from 'node:ffi';
import { errnoError } from '../core/errors.ts';

/** Calls of libc that the walk needs and Node does not offer. They work on descriptors, O_PATH included. */
const { functions: libc } = dlopen(null, {
  readlinkat: { arguments: ['i32', 'pointer', 'pointer', 'u64'], return: 'i64' },
  statx: { arguments: ['i32', 'pointer', 'i32', 'u32', 'pointer'], return: 'i32' },
  listxattr: { arguments: ['pointer', 'pointer', 'u64'], return: 'i64' },
});

const ITSELF = Buffer.from('\0');
/** The kernel's limit for a path. */
const PATH_BYTES = 4096;
const ACCESS_ACL = 'system.posix_acl_access\0';

/** Where a symlink leads; by its descriptor, since a name could be another file's by now. Throws an errno error. */
export function readLink(fd: number): string {
  const target = Buffer.alloc(PATH_BYTES);
  const length = Number(libc.readlinkat(fd, ITSELF, target, BigInt(PATH_BYTES)));
  if (length > 0 && length < PATH_BYTES) return target.toString('utf8', 0, length);
  throw errnoError('EINVAL', 'readlink');
}

/** Whether more than owner, group and others have rights. Unknown counts as yes. */
export function mayHaveAcl(fd: number): boolean {
  const path = Buffer.from(`/proc/self/fd/${fd}\0`);
  const size = Number(libc.listxattr(path, 0n, 0n));
  if (size <= 0) return size < 0;
  const names = Buffer.alloc(size);
  const length = Number(libc.listxattr(path, names, BigInt(size)));
  return length < 0 || names.toString('latin1', 0, length).includes(ACCESS_ACL);
}

const AT_EMPTY_PATH = 0x1000;
const STATX_BYTES = 256;
const ATTRIBUTES_AT = 8;
const ATTRIBUTE_APPEND = 0x20;

/** Whether files can be made in a directory, and neither renamed nor removed (chattr +a). */
export function isAppendOnly(fd: number): boolean {
  const seen = Buffer.alloc(STATX_BYTES);
  return (
    libc.statx(fd, ITSELF, AT_EMPTY_PATH, 0, seen) === 0 && (seen.readUInt8(ATTRIBUTES_AT) & ATTRIBUTE_APPEND) !== 0
  );
}
