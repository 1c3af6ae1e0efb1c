import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';

/** The processes and the files of a demo. */

export interface Player {
  readonly process: ChildProcess;
  /** With its exit code, when it has ended and all its lines were given out. */
  readonly ended: Promise<number | null>;
}

export function play(command: readonly string[], env: NodeJS.ProcessEnv, onLine: (line: string) => void): Player {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', onLine);
  return { process: child, ended: once(child, 'close').then(() => child.exitCode) };
}

export async function end(player: Player): Promise<void> {
  player.process.kill('SIGTERM');
  await player.ended;
}

/** One line for a file: its mode, its size and the last characters of the key in it. */
export async function describeFile(path: string): Promise<string> {
  const [{ mode, size }, text] = await Promise.all([stat(path), readFile(path, 'utf8')]);
  const key = /A[KS]IA[A-Z0-9]{12}([A-Z0-9]{4})/.exec(text)?.[1] ?? '?';
  return `${(mode & 0o777).toString(8)} ${String(size).padStart(5)} bytes  key …${key}  ${basename(path)}`;
}
