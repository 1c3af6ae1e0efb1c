import { Writable } from 'node:stream';
import packageJson from '../../package.json' with { type: 'json' };
import { runProgram } from '../../src/cli/program.ts';
import type { World } from '../../src/agent/world.ts';
import { directoriesFor } from '../../src/core/directories.ts';
import { openServices } from '../../src/main/services.ts';
import { createActors } from '../../src/system/actors.ts';
import { createLog } from '../../src/system/log.ts';
import type { RunOptions } from './agent.ts';
import { executable } from './product.ts';

/** Set by `npm test`. Elsewhere each command is a process of the executable, as its users have it. */
export const HERE_VARIABLE = 'CREDROTATE_TEST_HERE';

/** Commands that come to an end by themselves, read no input and do not become another program. */
const SHORT = [
  'check',
  'config',
  'doctor',
  'explain',
  'export',
  'forget',
  'get',
  'harden',
  'lockdown',
  'once',
  'plan',
  'refresh',
  'status',
];
/** Variables that are not for the commands, but for what runs them. */
const FOR_PROCESSES = /^(LD_|NODE_|UV_|TZ$|LC_|LANG$)/;

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Whether what a command does is the same in the process of the test, where it costs a tenth. */
export function canRunHere([command = '']: readonly string[], { env = {}, ...others }: RunOptions): boolean {
  if (!process.env[HERE_VARIABLE] || Object.keys(others).length > 0) return false;
  return SHORT.includes(command) && !Object.keys(env).some((name) => FOR_PROCESSES.test(name));
}

/** Runs a command of the sources with the real world around it, all but the process. */
export async function runHere(args: readonly string[], env: World['env']): Promise<Result> {
  const [stdout, stderr] = [collect(), collect()];
  const stop = new AbortController();
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  let services: ReturnType<World['services']> | undefined;
  const open: World['services'] = () =>
    Promise.resolve({
      ...openServices(stop.signal),
      ...(uid === 0 && { actors: createActors([executable], stop.signal) }),
    });
  const notHere = (what: string) => () => {
    throw new Error(`expected a command that does not ${what}: it is to be started`);
  };
  const code = await runProgram(
    {
      version: packageJson.version,
      versions: notHere('tell its parts'),
      env,
      uid,
      gid,
      directories: directoriesFor(env, uid, env['HOME'] ?? '/'),
      self: [executable],
      print: (output) => void stdout.stream.write(output),
      show: (text) => void stdout.stream.write(text),
      terminal: undefined,
      complain: (text) => void stderr.stream.write(text),
      stop: stop.signal,
      stopped: () => new Promise(() => undefined),
      onHangup: notHere('run on'),
      services: () => (services ??= open()),
      become: notHere('become another program'),
      giveBackMemory: () => Promise.resolve(),
      openLog: (config) => Promise.resolve(createLog(config, { env, stream: stderr.stream })),
    },
    args,
  );
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function collect(): { readonly stream: Writable; readonly text: () => string } {
  let text = '';
  const write = (chunk: Buffer, _: unknown, done: () => void): void => {
    text += String(chunk);
    done();
  };
  return { stream: new Writable({ write }), text: () => text };
}
