import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { dlopen } from 'node:ffi';
import { readdirSync } from 'node:fs';

/** The same on x86-64 and arm64. */
const SYS_CLOSE_RANGE = 436n;
const FIRST_OTHER = 3;
const LAST = 0xffffffffn;
const CLOSE_RANGE_CLOEXEC = 4n;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

const { functions: libc } = dlopen(null, {
  syscall: { arguments: ['i64', 'u64', 'u64', 'u64'], return: 'i32' },
  fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
});

/**
 * The one way in which a program is started: in a process group of its own, with the environment and the standard
 * streams that are given and no other descriptor. A user whose rights it has may take any that it holds (pidfd_getfd).
 * Throws errno errors.
 */
export function spawnAlone([program = '', ...args]: readonly string[], options: SpawnOptions): ChildProcess {
  keepDescriptors();
  const { spawn } = process.getBuiltinModule('node:child_process');
  return spawn(program, args, { cwd: '/', detached: true, ...options });
}

/** Node's own are closed on exec; those that whoever started us left open are not. */
function keepDescriptors(): void {
  if (libc.syscall(SYS_CLOSE_RANGE, BigInt(FIRST_OTHER), LAST, CLOSE_RANGE_CLOEXEC) === 0) return;
  // Kernels before 5.11 do not know the call or its flag, and a filter may refuse it.
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    if (fd >= FIRST_OTHER) libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}
