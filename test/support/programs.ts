import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { eventually } from './eventually.ts';

/** Programs that are to be notified: real ones, that note down what reaches them. */

/** Catches SIGHUP from when it is let. Until then it makes no child: a shell that does blocks all signals meanwhile. */
const DAEMON = `
echo $$ > "$1.pid"
read go < "$1.go"
trap 'echo SIGHUP >> "$1.log"' HUP
: > "$1.up"
while :; do sleep 60 & wait $!; done
`;

export interface Daemon {
  readonly pid: number;
  readonly pidFile: string;
  /** How many signals came. */
  readonly notifications: () => number;
  readonly isAlive: () => boolean;
  /** Lets it catch SIGHUP. */
  readonly arm: () => Promise<void>;
}

/** Files that it needs are named like `name`, a path. Not armed, SIGHUP ends it. */
export async function startDaemon(t: TestContext, name: string, armed = true): Promise<Daemon> {
  execFileSync('mkfifo', [`${name}.go`]);
  const child = spawn('/bin/sh', ['-c', DAEMON, 'sh', name], { detached: true, stdio: 'ignore' });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  const ended = once(child, 'exit');
  t.after(async () => {
    if (!isAlive()) return;
    process.kill(-pid, 'SIGKILL');
    await ended;
  });
  const arm = async (): Promise<void> => {
    // For reading too: then it does not wait for the other side.
    const fd = openSync(`${name}.go`, 'r+');
    writeSync(fd, 'go\n');
    await eventually(`${name} is up`, () => existsSync(`${name}.up`));
    closeSync(fd);
  };
  await eventually(`${name} has its pid file`, () => existsSync(`${name}.pid`) && linesOf(`${name}.pid`).length === 1);
  if (armed) await arm();
  return { pid, pidFile: `${name}.pid`, notifications: () => linesOf(`${name}.log`).length, isAlive, arm };
}

/** Notes what it was called for, and ends when its gate is open, or is gone with its directory. */
const HOOK = `
env >> "$1.env"
echo "$CREDROTATE_REASON $CREDROTATE_GENERATION" >> "$1.log"
while [ -e "$1.closed" ]; do sleep 0.05; done
`;

export interface Hook {
  /** For `type: exec`. */
  readonly command: readonly string[];
  /** `changed 2`: reason and generation of each call. */
  readonly calls: () => readonly string[];
  /** All that was in the environment of its calls. */
  readonly environment: () => string;
  /** From now on a call does not come to an end. */
  readonly close: () => void;
  readonly open: () => void;
}

/** Files that it needs are named like `name`, a path. */
export function makeHook(t: TestContext, name: string): Hook {
  const open = (): void => {
    rmSync(`${name}.closed`, { force: true });
  };
  t.after(open);
  return {
    command: ['/bin/sh', '-c', HOOK, 'sh', name],
    calls: () => linesOf(`${name}.log`),
    environment: () => readFileSync(`${name}.env`, 'utf8'),
    close: () => {
      writeFileSync(`${name}.closed`, '');
    },
    open,
  };
}

function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
}
