import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { OwnDirectory } from '../../src/files/own.ts';
import { askControl } from '../../src/agent/control.ts';
import { SOCKET } from '../../src/agent/published.ts';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { privateMegabytes, statOf } from '../measure.ts';
import type { Row } from '../rows.ts';
import type { Setting } from '../setting.ts';
import { ownDirectory } from '../../test/support/own.ts';

const GROUP = 'from the answer to the last signal, ten sinks';
const CONSUMERS = [1, 3, 10, 100] as const;
const SINKS = 10;
const ROTATIONS = 15;
/** After the last of them; milliseconds. */
const SETTLE = 2_000;
const IDENTITIES = [4, 100] as const;
/** Beside many identities. */
const FEW_ROTATIONS = 5;
/** No user of the machine has these numbers. */
const FIRST_UID = 2_000_000_001;

/** From the moment that the answer with new credentials is given to the moment that the last consumer has its signal. */
export async function tellingRows(setting: Setting): Promise<Row[]> {
  const rows: Row[] = [];
  for (const count of CONSUMERS) {
    const { values, megabytes } = await told(setting, count);
    const name = `${count} signal ${count === 1 ? 'consumer' : 'consumers'}`;
    const budget = { of: 'value', limit: 25 } as const;
    rows.push({ group: GROUP, name, unit: 'ms', ours: statOf(values), ...(count === 3 && { budget }) });
    rows.push({ group: GROUP, name: `private memory, ${name}`, unit: 'MB', ours: statOf([megabytes]) });
  }
  return [...rows, ...(await identityRows(setting))];
}

/** What each user costs on whose path a sink lies. */
async function identityRows(setting: Setting): Promise<Row[]> {
  if (process.getuid?.() !== 0) {
    console.error('bench: not as root: the rows of further identities are left out');
    return [];
  }
  const without = statOf((await told(setting, 3)).values).median;
  const rows: Row[] = [];
  for (const count of IDENTITIES) {
    const { values, megabytes } = await told(setting, 3, count);
    const ours = statOf(values.map((value) => (value - without) / count));
    const budget = { of: 'value', limit: 40 } as const;
    rows.push({ group: GROUP, name: `each further identity, of ${count}`, unit: 'ms', ours, budget });
    rows.push({ group: GROUP, name: `private memory, ${count} identities`, unit: 'MB', ours: statOf([megabytes]) });
  }
  return rows;
}

interface Told {
  /** Milliseconds of each rotation. */
  readonly values: readonly number[];
  /** The private memory of the agent after the last of them. */
  readonly megabytes: number;
}

async function told(setting: Setting, count: number, identities = 0): Promise<Told> {
  const simulator = await createSimulator();
  const listeners = await Promise.all(Array.from({ length: count }, (_, index) => Listener.start(setting, index)));
  const agent = startAgent(setting, simulator, { listeners, identities });
  try {
    const control = ownDirectory(join(setting.site.directory, 'telling/run'));
    while (!existsSync(join(control.path, SOCKET))) await delay(20);
    const values = [];
    for (let rotation = 0; rotation <= (identities > SINKS ? FEW_ROTATIONS : ROTATIONS); rotation++)
      values.push(await oneRotation(simulator, control, listeners));
    await delay(SETTLE);
    return { values: values.slice(1), megabytes: privateMegabytes(agent.pid) };
  } finally {
    await end(agent);
    await Promise.all(listeners.map(({ process: child }) => end(child)));
    await simulator.close();
  }
}

async function oneRotation(
  simulator: Simulator,
  control: OwnDirectory,
  listeners: readonly Listener[],
): Promise<number> {
  // The agent is not asked before all that was said of the last rotation has arrived.
  const signalled = Promise.all(listeners.map((listener) => listener.next()));
  const answered = answerTime(simulator);
  simulator.rotate();
  await askControl(control, { command: 'refresh', notifyAll: false }, AbortSignal.timeout(60_000));
  const times = await signalled;
  return Math.max(...times) - (await answered);
}

/** When the simulator, in this process, has been asked for the credentials. */
function answerTime({ requests }: Simulator): Promise<number> {
  const known = requests.length;
  return new Promise((resolve) => {
    const look = (): void => {
      const asked = requests.slice(known).some(({ path }) => /security-credentials\/.+/.test(path));
      if (asked) resolve(epochNow());
      else setImmediate(look);
    };
    look();
  });
}

function epochNow(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * Says that it got SIGHUP, until its standard input ends. A shell, since it says so within a fraction of a millisecond:
 * a hundred programs that take long to wake would be measured instead of the agent that wakes them.
 */
const LISTENER = "exec 3<&0; cat <&3 & trap 'echo' HUP; echo ready; while kill -0 $!; do wait $!; done 2>/dev/null";

class Listener {
  readonly process: ChildProcess;
  readonly pidFile: string;
  #heard = Promise.withResolvers<number>();

  private constructor(child: ChildProcess, pidFile: string) {
    this.process = child;
    this.pidFile = pidFile;
    child.stdout?.on('data', () => {
      this.#heard.resolve(epochNow());
    });
  }

  static async start({ site }: Setting, index: number): Promise<Listener> {
    const child = spawn('/bin/sh', ['-c', LISTENER], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const pidFile = join(site.directory, `listener-${index}.pid`);
    writeFileSync(pidFile, `${String(child.pid)}\n`);
    return new Listener(child, pidFile);
  }

  /** The moment of the next signal; epoch milliseconds. */
  next(): Promise<number> {
    this.#heard = Promise.withResolvers();
    return this.#heard.promise;
  }
}

interface Topology {
  readonly listeners: readonly Listener[];
  readonly identities: number;
}

function startAgent(
  { executable, site }: Setting,
  simulator: Simulator,
  { listeners, identities }: Topology,
): ChildProcess {
  site.fresh('telling');
  const directory = site.fresh('telling/sinks');
  site.fresh('telling/run');
  site.fresh('telling/state');
  const names = listeners.map((_, index) => `listener-${index}`);
  const config = site.write('telling.yaml', {
    sinks: [...Array.from({ length: SINKS }, () => directory), ...makeHomes(site, identities)].map((home, index) => ({
      path: join(home, `${index}.env`),
      format: 'dotenv',
      notify: names,
      // Nobody of this machine: their numbers must be meant.
      ...(index >= SINKS && { owner: FIRST_UID + index - SINKS }),
    })),
    // A shell counts as a program that may end at a signal, so these must say that they mean it.
    consumers: Object.fromEntries(
      listeners.map(({ pidFile }, index) => [
        `listener-${index}`,
        { type: 'signal', pid_file: pidFile, handles_signal: true },
      ]),
    ),
  });
  const env = { PATH: '/usr/bin:/bin', ...site.env('telling'), AWS_EC2_METADATA_SERVICE_ENDPOINT: simulator.url };
  return spawn(executable, ['run', '--config', config], { env, stdio: 'ignore' });
}

/** Directories of as many users. */
function makeHomes({ directory }: Setting['site'], count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    // They must get there.
    for (const path of [directory, join(directory, 'telling')]) chmodSync(path, 0o711);
    const home = join(directory, 'telling', `home-${index}`);
    mkdirSync(home, { mode: 0o700 });
    chownSync(home, FIRST_UID + index, FIRST_UID + index);
    return home;
  });
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
