import { once as event } from 'node:events';
import { homedir } from 'node:os';
import { isSea } from 'node:sea';
import packageJson from '../../package.json' with { type: 'json' };
import { runProgram } from '../cli/program.ts';
import type { Terminal, World } from '../agent/world.ts';
import { directoriesFor } from '../core/directories.ts';
import { EXIT } from '../core/exit.ts';
import { toErrorInfo } from '../core/errors.ts';
import { shareWalks } from '../paths/walk.ts';
import { fold, lineWidth } from '../report/text.ts';
import { openLate } from '../system/late-log.ts';

/** The agent with all its commands. Gives the exit code; throws nothing. */
export async function runAgent(): Promise<number> {
  try {
    return await run();
  } catch (error) {
    const { code, message } = toErrorInfo(error);
    process.stderr.write(`credrotate: ${code}: ${message}\n`);
    return EXIT.internal;
  }
}

async function run(): Promise<number> {
  const stop = new AbortController();
  // Not `once`: a library that cleans up on signals (write-file-atomic's) ends a process that has no other listener.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stop.abort();
    });
  }
  shareWalks();
  const [executable = '', script = '', ...args] = process.argv;
  return await runProgram(createWorld(isSea() ? [executable] : [executable, script], stop.signal), args);
}

function createWorld(self: readonly string[], stop: AbortSignal): World {
  const uid = process.getuid?.() ?? 0;
  return {
    version: packageJson.version,
    versions: () => Promise.resolve(describeVersions()),
    env: process.env,
    uid,
    gid: process.getgid?.() ?? 0,
    directories: directoriesFor(process.env, uid, homedir()),
    self,
    print: (output) => void outlasting(process.stdout).write(output),
    show: (text) => void outlasting(process.stdout).write(fitting(text, process.stdout)),
    get terminal() {
      return terminalOf(process.stdout);
    },
    complain: (text) => void outlasting(process.stderr).write(fitting(text, process.stderr)),
    stop,
    stopped: () => aborted(stop),
    onHangup: (act) => process.on('SIGHUP', act),
    services: once(async () => (await import('./services.ts')).openWorld(self, uid, stop)),
    become: async (path, args, environment) =>
      (await import('../system/execute.ts')).becomeProgram(path, args, environment),
    giveBackMemory: async () => {
      (await import('../system/memory.ts')).giveBackMemory();
    },
    openLog: (config) =>
      Promise.resolve(
        openLate(config.level, async () => {
          const { createLog } = await import('../system/log.ts');
          return createLog(config, { env: process.env });
        }),
      ),
  };
}

/** A reader that has gone away, as in `credrotate status | head -1`, is no reason to leave work undone. */
function outlasting(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return stream.listenerCount('error') === 0 ? stream.on('error', () => undefined) : stream;
}

function fitting(text: string, stream: NodeJS.WriteStream): string {
  return stream.isTTY ? fold(text, lineWidth(stream.columns)) : text;
}

function terminalOf(stream: NodeJS.WriteStream): Terminal | undefined {
  if (!stream.isTTY) return undefined;
  return { hasColors: stream.hasColors(), size: () => ({ columns: stream.columns, rows: stream.rows }) };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await event(signal, 'abort');
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** The parts of the executable, from the build. */
declare const CREDROTATE_COMMIT: string | undefined;

/** The parts of the executable, a line each, for error reports and security advisories. */
function describeVersions(): string {
  const commit = typeof CREDROTATE_COMMIT === 'string' ? CREDROTATE_COMMIT : 'unknown';
  const parts = { commit, node: process.versions.node, ...packageJson.dependencies };
  const lines = Object.entries(parts).map(([name, version]) => `  ${name} ${version}\n`);
  return `credrotate ${packageJson.version}\n${lines.join('')}`;
}
