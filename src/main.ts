import { homedir } from 'node:os';
import { isSea } from 'node:sea';
import packageJson from '../package.json' with { type: 'json' };
import { runProgram } from './cli/program.ts';
import type { Services, World } from './cli/world.ts';
import { directoriesFor } from './core/directories.ts';
import { EXIT } from './core/exit.ts';
import { toErrorInfo } from './core/errors.ts';

/** The composition root, and the only place that sets the exit code. */
async function main(): Promise<void> {
  const stop = new AbortController();
  // Not `once`: a library that cleans up on signals (write-file-atomic's) ends a process that has no other listener.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      stop.abort();
    });
  }
  // A reader that has gone away, as in `credrotate status | head -1`, is no reason to leave work undone.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const [executable = '', script = '', ...args] = process.argv;
  process.exitCode = await runProgram(createWorld(isSea() ? [executable] : [executable, script], stop.signal), args);
}

function createWorld(self: readonly string[], stop: AbortSignal): World {
  const uid = process.getuid?.() ?? 0;
  return {
    version: packageJson.version,
    env: process.env,
    uid,
    gid: process.getgid?.() ?? 0,
    directories: directoriesFor(process.env, uid, homedir()),
    self,
    print: (text) => void process.stdout.write(text),
    complain: (text) => void process.stderr.write(text),
    stop,
    stopped: () => aborted(stop),
    onHangup: (act) => process.on('SIGHUP', act),
    services: once(openServices),
    openLog: async (config) => {
      const { createLog } = await import('./system/log.ts');
      return createLog(config, { env: process.env });
    },
  };
}

async function openServices(): Promise<Services> {
  const [
    { createAtomicFiles },
    { readBootTime },
    { createClock, validatePattern },
    { createCommands },
    { fileSecurity },
    { createHttp },
    { tryLock },
    { createProcesses },
    { createSdNotify },
    { createUsers },
  ] = await Promise.all([
    import('./system/atomic-files.ts'),
    import('./system/boot-time.ts'),
    import('./system/clock.ts'),
    import('./system/commands.ts'),
    import('./system/file-security.ts'),
    import('./system/http.ts'),
    import('./system/lock.ts'),
    import('./system/processes.ts'),
    import('./system/sd-notify.ts'),
    import('./system/users.ts'),
  ]);
  return {
    clock: createClock(),
    http: createHttp(`credrotate/${packageJson.version}`),
    files: createAtomicFiles(),
    security: fileSecurity,
    users: createUsers(),
    commands: createCommands(),
    processes: createProcesses(),
    readBootTime,
    tryLock,
    sdNotify: createSdNotify(process.env['NOTIFY_SOCKET']),
    validatePattern,
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
  });
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

main().catch((error: unknown) => {
  const { code, message } = toErrorInfo(error);
  process.stderr.write(`credrotate: ${code}: ${message}\n`);
  process.exitCode = EXIT.internal;
});
