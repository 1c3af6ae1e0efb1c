import { dlopen } from 'node:ffi';
import { constants as files } from 'node:fs';
import { constants } from 'node:os';

const F_GETFL = 3;
const F_SETFL = 4;
const SIG_DFL = 0n;
const SIG_SETMASK = 2;
/** As libc has it, on every 64-bit Linux. */
const SIGSET_BYTES = 128;

const { functions: libc } = dlopen(null, {
  fcntl: { arguments: ['i32', 'i32', 'i32'], return: 'i32' },
  signal: { arguments: ['i32', 'u64'], return: 'u64' },
  sigprocmask: { arguments: ['i32', 'pointer', 'pointer'], return: 'i32' },
});

/**
 * Becomes another program, for good: same process, nobody in between who passes on signals and the exit code. Throws
 * the errno error of execve(2). Changes by Node that execve keeps are undone first: signals that it ignores or, for
 * want of a debugger, blocks, and standard streams that do not block, which few programs are made for. The kernel
 * itself forgets that this process leaves no core file. The soft limit of open files stays, which Node has raised to
 * the hard one: its former value is unknown. The parent's may be another (`ulimit -n 65536; exec ...`), and a limit
 * that is too low would fail the program, where one that is too high does not.
 */
export function becomeProgram(path: string, args: readonly string[], env: NodeJS.ProcessEnv): never {
  for (const name of ['SIGPIPE', 'SIGXFSZ'] as const) libc.signal(constants.signals[name], SIG_DFL);
  libc.sigprocmask(SIG_SETMASK, Buffer.alloc(SIGSET_BYTES), 0n);
  for (const fd of [0, 1, 2]) {
    const flags = libc.fcntl(fd, F_GETFL, 0);
    if (flags >= 0) libc.fcntl(fd, F_SETFL, flags & ~files.O_NONBLOCK);
  }
  process.execve?.(path, args, env);
  throw new Error('expected a system that knows execve');
}
