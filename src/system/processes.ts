import { dlopen } from 'node:ffi';
import { closeSync, readFileSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { onErrno, AgentError, errnoError, isErrno } from '../core/errors.ts';
import type { Executable, ProcessHandle, Processes, UserIds } from '../core/contracts.ts';
import { closedAtEnd } from '../paths/descriptor.ts';

/** The same on x86-64 and arm64. */
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;

/** To setfsuid and setfsgid: change nothing, say what it is. */
const ASK = 0xffffffff;

const { functions: libc } = dlopen(null, {
  syscall: { arguments: ['i64', 'i64', 'i64', 'i64', 'i64'], return: 'i32' },
  setfsuid: { arguments: ['u32'], return: 'i32' },
  setfsgid: { arguments: ['u32'], return: 'i32' },
  statx: { arguments: ['i32', 'pointer', 'i32', 'u32', 'pointer'], return: 'i32' },
});

export function createProcesses(): Processes {
  return { open, executable };
}

function open(pid: number): ProcessHandle | undefined {
  const fd = pidfdOpen(pid);
  if (fd >= 0) return held(pid, fd);
  if (!exists(pid)) return undefined;
  const own = pidfdOpen(process.pid);
  if (own < 0) throw unheld(pid);
  // The call works, and a signal would arrive: the number is that of a thread.
  closeSync(own);
  return undefined;
}

function executable(pid: number, owner: UserIds): Executable | undefined {
  try {
    return readExecutable(pid);
  } catch (error) {
    if (!isErrno(error, 'EACCES') || owner.uid === 0 || process.geteuid?.() !== 0) throw error;
    return withFileIdentity(owner, () => readExecutable(pid));
  }
}

function pidfdOpen(pid: number): number {
  return syscall(SYS_PIDFD_OPEN, pid, 0);
}

function syscall(number: number, first: number, second: number): number {
  return libc.syscall(BigInt(number), BigInt(first), BigInt(second), 0n, 0n);
}

function held(pid: number, fd: number): ProcessHandle {
  return {
    ...closedAtEnd(fd),
    pid,
    signal(name) {
      if (syscall(SYS_PIDFD_SEND_SIGNAL, fd, constants.signals[name]) === 0) return true;
      // errno may be another by now; the descriptor itself says whether its process is gone.
      if (/^Pid:\s*-1$/m.test(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))) return false;
      throw errnoError('EPERM', 'kill');
    },
  };
}

/** By its number alone a signal could reach another process, which was given it between look and signal. */
function unheld(pid: number): AgentError {
  const message = `pid ${pid}: expected to hold the process (pidfd_open), got a kernel or a filter without that`;
  const hint = 'use type: systemd; or let the agent call it: Linux 5.4 or later, SystemCallFilter= of its unit';
  return new AgentError('CONSUMER_UNINSPECTABLE', message, { hint });
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !isErrno(error, 'ESRCH');
  }
}

/** The kernel appends it to the path of a file that has no name any more. */
const REPLACED = ' (deleted)';

function readExecutable(pid: number): Executable | undefined {
  const link = onErrno(['ENOENT', 'ESRCH'], undefined, () => readlinkSync(`/proc/${pid}/exe`));
  const stat = link === undefined ? undefined : statWithoutWaiting(`/proc/${pid}/exe`);
  if (link === undefined || !stat) return undefined;
  const isReplaced = link.endsWith(REPLACED);
  return { path: isReplaced ? link.slice(0, -REPLACED.length) : link, isReplaced, ...stat };
}

const AT_FDCWD = -100;
/** Takes what the kernel knows by itself: a user's file system may never answer. */
const AT_STATX_DONT_SYNC = 0x4000;
const STATX_UID_INO = 0x8 | 0x100;
const STATX_BYTES = 256;

/** Undefined when it is gone. Of struct statx, whose layout is the same everywhere. */
function statWithoutWaiting(path: string): Pick<Executable, 'file' | 'uid'> | undefined {
  const into = Buffer.alloc(STATX_BYTES);
  const result = libc.statx(AT_FDCWD, Buffer.from(`${path}\0`), AT_STATX_DONT_SYNC, STATX_UID_INO, into);
  if (result !== 0) return undefined;
  const device = `${into.readUInt32LE(136)}:${into.readUInt32LE(140)}`;
  return { file: `${device}:${into.readBigUInt64LE(32)}`, uid: into.readUInt32LE(20) };
}

/**
 * Runs synchronous work on files with another user's identity. It holds for this thread alone, so nothing that libuv
 * does meanwhile is touched; and for /proc alone, where nothing can make the agent wait.
 */
function withFileIdentity<T>(ids: UserIds, work: () => T): T {
  try {
    become(ids);
    return work();
  } finally {
    become({ uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 });
  }
}

function become({ uid, gid }: UserIds): void {
  libc.setfsgid(gid);
  libc.setfsuid(uid);
  const now = { uid: libc.setfsuid(ASK) >>> 0, gid: libc.setfsgid(ASK) >>> 0 };
  if (now.uid !== uid || now.gid !== gid) {
    throw errnoError('EPERM', 'setfsuid');
  }
}
