import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { OwnDirectory } from '../../src/files/own.ts';
import { askControl } from '../../src/agent/control.ts';
import { SOCKET } from '../../src/agent/published.ts';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { statOf } from '../measure.ts';
import type { Row } from '../rows.ts';
import type { Setting } from '../setting.ts';
import { ownDirectory } from '../../test/support/own.ts';

const GROUP = 'from the answer to the last signal, ten sinks';
const CONSUMERS = [1, 3, 10, 100] as const;
const SINKS = 10;
const ROTATIONS = 15;
const IDENTITIES = 4;
/** No user of the machine has these numbers. */
const FIRST_UID = 2_000_000_001;

/** From the moment that the answer with new credentials is given to the moment that the last consumer has its signal. */
export async function tellingRows(setting: Setting): Promise<Row[]> {
  const rows: Row[] = [];
  for (const count of CONSUMERS) {
    const values = await latencies(setting, count);
    rows.push({
      group: GROUP,
      name: `${count} signal ${count === 1 ? 'consumer' : 'consumers'}`,
      unit: 'ms',
      ours: statOf(values),
      ...(count === 3 && { budget: { of: 'value', limit: 25 } as const }),
    });
  }
  return [...rows, ...(await identityRows(setting))];
}

/** What each user costs on whose path a sink lies. */
async function identityRows(setting: Setting): Promise<Row[]> {
  if (process.getuid?.() !== 0) {
    console.error('bench: not as root: the row of further identities is left out');
    return [];
  }
  const without = statOf(await latencies(setting, 3)).median;
  const values = await latencies(setting, 3, IDENTITIES);
  const ours = statOf(values.map((value) => (value - without) / IDENTITIES));
  const budget = { of: 'value', limit: 40 } as const;
  return [{ group: GROUP, name: 'each further identity, of four', unit: 'ms', ours, budget }];
}

async function latencies(setting: Setting, count: number, identities = 0): Promise<number[]> {
  const simulator = await createSimulator();
  const listeners = await Promise.all(Array.from({ length: count }, (_, index) => Listener.start(setting, index)));
  const agent = startAgent(setting, simulator, { listeners, identities });
  try {
    const control = ownDirectory(join(setting.site.directory, 'telling/run'));
    while (!existsSync(join(control.path, SOCKET))) await delay(20);
    const values = [];
    for (let rotation = 0; rotation <= ROTATIONS; rotation++)
      values.push(await oneRotation(simulator, control, listeners));
    return values.slice(1);
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

/** Says when it gets SIGHUP, by the clock that this process has too. */
const LISTENER = `
process.on('SIGHUP', () => console.log(performance.timeOrigin + performance.now()));
setInterval(() => {}, 3_600_000);
console.log('ready');
`;

class Listener {
  readonly process: ChildProcess;
  readonly pidFile: string;
  #heard = Promise.withResolvers<number>();

  private constructor(child: ChildProcess, pidFile: string) {
    this.process = child;
    this.pidFile = pidFile;
    child.stdout?.on('data', (line: Buffer) => {
      this.#heard.resolve(Number(String(line)));
    });
  }

  static async start({ node, site }: Setting, index: number): Promise<Listener> {
    const child = spawn(node, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] });
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
    // Node is told of signals in all its programs, so these must say that they mean it.
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
