import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { dlopen } from 'node:ffi';
import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { CommandOptions, CommandResult, Commands } from '../core/contracts.ts';
import { attempt, errnoError } from '../core/errors.ts';

const OUTPUT_BYTES = 4096;
/** Time for a program between SIGTERM and SIGKILL. */
const GRACE_MS = 1_000;
/** A killed program that is still there after this time hangs in the kernel. */
const GOING_MS = 500;
/** A program's own children may keep its output open long after it has ended. */
const LEFT_BEHIND_MS = 100;
/** Where it left none behind, the end of its output is on the way, late on a busy machine; a daemon may hold it open. */
const LAST_OUTPUT_MS = 2_000;

export function createCommands(): Commands {
  const hanging = new Set<string>();
  return {
    async run(command, options) {
      options.signal?.throwIfAborted();
      const work = JSON.stringify([command, options.ids]);
      // Each further one would hang as well, until the machine has no more processes.
      if (hanging.has(work)) throw errnoError('EBUSY', 'spawn');
      const { env, ids, input } = options;
      const stdin = input === undefined ? 'ignore' : 'pipe';
      const child = spawnAlone(command, { env, stdio: [stdin, 'pipe', 'pipe'], ...ids });
      // One that ends before it has read everything says so by its exit code.
      child.stdin?.on('error', () => undefined).end(input);
      child.once('exit', () => hanging.delete(work));
      const result = await resultOf(child, options);
      if (child.exitCode === null && child.signalCode === null) hanging.add(work);
      options.signal?.throwIfAborted();
      return result;
    },
  };
}

async function resultOf(
  child: ChildProcess,
  { keep = OUTPUT_BYTES, most, timeoutMs, signal }: CommandOptions,
): Promise<CommandResult> {
  const flood = new AbortController();
  const output = most === undefined ? tail(child.stdout, keep) : tail(child.stdout, most + 1, flood);
  const complaint = tail(child.stderr, keep);
  const closed = once(child, 'close').catch(() => undefined);
  const deadline = AbortSignal.timeout(timeoutMs);
  await ending(child, AbortSignal.any([deadline, flood.signal, ...(signal ? [signal] : [])]));
  const timedOut = deadline.aborted;
  await Promise.race([closed, pause(signalGroup(child, 0) ? LEFT_BEHIND_MS : LAST_OUTPUT_MS)]);
  abandon(child);
  return { exitCode: child.exitCode, signal: child.signalCode, timedOut, output: output(), complaint: complaint() };
}

/** `full` is aborted when so much is there. */
function tail(stream: ChildProcess['stdout'], bytes: number, full?: AbortController): () => string {
  let kept = Buffer.alloc(0);
  // Absent when the program could not start for want of descriptors.
  stream?.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk]).subarray(-bytes);
    if (kept.length === bytes) full?.abort();
  });
  return () => kept.toString();
}

/** Waits for its end, and ends the whole group when `stop` aborts: asked first, then forced, then given up. */
async function ending(child: ChildProcess, stop: AbortSignal): Promise<void> {
  const exit = once(child, 'exit');
  await Promise.race([exit, once(stop, 'abort')]);
  if (!stop.aborted) return;
  signalGroup(child, 'SIGTERM');
  await Promise.race([exit, pause(GRACE_MS)]);
  // Processes that the program left behind had the same time.
  signalGroup(child, 'SIGKILL');
  await Promise.race([exit, pause(GOING_MS)]);
}

/** Keeps no process alive: the program and its pipes do, as long as there is anything to wait for. */
async function pause(ms: number): Promise<void> {
  await delay(ms, undefined, { ref: false });
}

/** False if the group has ended, or holds no process that we may signal. Signal 0 only looks. */
export function signalGroup({ pid }: ChildProcess, signal: 'SIGTERM' | 'SIGKILL' | 0): boolean {
  return pid !== undefined && attempt(() => process.kill(-pid, signal), false);
}

/** Nothing of it keeps us from ending. */
function abandon(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
}

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
