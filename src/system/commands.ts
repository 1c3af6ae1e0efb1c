import type { ChildProcess } from 'node:child_process';
import type { CommandOptions, CommandResult, Commands } from '../core/contracts.ts';

const OUTPUT_BYTES = 4096;
/** What a program has between SIGTERM and SIGKILL; milliseconds. */
const GRACE = 2_000;
/** A program's own children may keep its output open long after it has ended; milliseconds. */
const LAST_OUTPUT = 100;

export function createCommands(): Commands {
  return { run };
}

async function run(command: readonly string[], options: CommandOptions): Promise<CommandResult> {
  options.signal?.throwIfAborted();
  const child = start(command, options);
  const output = tail(child, options.keep ?? OUTPUT_BYTES);
  const closed = new Promise<void>((resolve) =>
    child.once('close', () => {
      resolve();
    }),
  );
  const deadline = AbortSignal.timeout(options.timeout);
  const exit = await exitOf(child, options.signal ? AbortSignal.any([deadline, options.signal]) : deadline);
  options.signal?.throwIfAborted();
  const timedOut = deadline.aborted;
  await drained(child, closed);
  return { ...exit, timedOut, output: output() };
}

/** Detached: a process group of its own, all of which can be ended. */
function start([program = '', ...args]: readonly string[], { env, ids }: CommandOptions): ChildProcess {
  const { spawn } = process.getBuiltinModule('node:child_process');
  return spawn(program, args, { cwd: '/', env, detached: true, stdio: ['ignore', 'pipe', 'pipe'], ...ids });
}

/** Keeps the end of what the program prints. */
function tail(child: ChildProcess, bytes: number): () => string {
  let kept = Buffer.alloc(0);
  const keep = (chunk: Buffer): void => {
    kept = Buffer.concat([kept, chunk]).subarray(-bytes);
  };
  // Absent when the program could not start for want of descriptors.
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  return () => kept.toString();
}

/** Ends the whole group when `stop` aborts: asked first, then forced. */
async function exitOf(child: ChildProcess, stop: AbortSignal): Promise<Pick<CommandResult, 'exitCode' | 'signal'>> {
  let force: NodeJS.Timeout | undefined;
  const end = (): void => {
    signalGroup(child, 'SIGTERM');
    force = setTimeout(signalGroup, GRACE, child, 'SIGKILL');
  };
  stop.addEventListener('abort', end, { once: true });
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.once('exit', (exitCode, signal) => {
        resolve({ exitCode, signal });
      });
    });
  } finally {
    stop.removeEventListener('abort', end);
    clearTimeout(force);
    // Those whom the program left behind had their time as well.
    if (stop.aborted) signalGroup(child, 'SIGKILL');
  }
}

function signalGroup(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // Nobody is left in it, or nobody whom we may signal.
  }
}

async function drained(child: ChildProcess, closed: Promise<void>): Promise<void> {
  const giveUp = setTimeout(() => {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }, LAST_OUTPUT);
  await closed;
  clearTimeout(giveUp);
}
