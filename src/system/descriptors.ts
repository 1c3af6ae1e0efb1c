import { dlopen } from 'node:ffi';
import { constants, openSync } from 'node:fs';
import type { FileSecurity } from '../core/contracts.ts';
import { errnoError } from '../core/errors.ts';
import { closedAtEnd } from '../paths/descriptor.ts';
import type { Directory } from '../paths/held.ts';

const ACCESS_ACL = Buffer.from('system.posix_acl_access\0');
const SELINUX = Buffer.from('security.selinux\0');
/** The kernel's own limit is 64 KiB; labels in use have some 40 bytes. */
const LABEL_BYTES = 4096;

const { functions: libc } = dlopen(null, {
  fgetxattr: { arguments: ['i32', 'pointer', 'pointer', 'u64'], return: 'i64' },
  fsetxattr: { arguments: ['i32', 'pointer', 'pointer', 'u64', 'i32'], return: 'i32' },
  fremovexattr: { arguments: ['i32', 'pointer'], return: 'i32' },
  flock: { arguments: ['i32', 'i32'], return: 'i32' },
});

/** Node knows no extended attributes, so this asks libc. */
export const fileSecurity: FileSecurity = {
  hasAcl: (fd) => libc.fgetxattr(fd, ACCESS_ACL, 0n, 0n) >= 0n,

  dropAcl(fd) {
    if (!fileSecurity.hasAcl(fd)) return;
    if (libc.fremovexattr(fd, ACCESS_ACL) !== 0) throw denied('fremovexattr');
  },

  label(fd) {
    const value = Buffer.alloc(LABEL_BYTES);
    const length = Number(libc.fgetxattr(fd, SELINUX, value, BigInt(LABEL_BYTES)));
    return length > 0 ? value.subarray(0, length) : undefined;
  },

  setLabel(fd, label) {
    if (libc.fsetxattr(fd, SELINUX, label, BigInt(label.length), 0) !== 0) throw denied('fsetxattr');
  },
};

/** The real errno is out of reach: Node's own calls may have changed it by the time that we could ask. */
function denied(syscall: string): Error {
  return errnoError('EPERM', syscall);
}

const LOCK_EX = 2;
const LOCK_NB = 4;

const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Takes the kernel's lock on a file in a directory of our own, or gives undefined when another process has it. It ends with the process
 * whatever becomes of that, so it cannot go stale, and a child does not inherit it (O_CLOEXEC).
 */
export function tryLock(directory: Directory, name: string): Disposable | undefined {
  const file = closedAtEnd(openSync(directory.at(name), FLAGS, 0o600));
  if (libc.flock(file.fd, LOCK_EX | LOCK_NB) === 0) return file;
  file[Symbol.dispose]();
  return undefined;
}
