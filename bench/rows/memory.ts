import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { OwnDirectory } from '../../src/files/own.ts';
import { askControl } from '../../src/agent/control.ts';
import { privateMegabytes, statOf } from '../measure.ts';
import type { Row } from '../rows.ts';
import type { Setting } from '../setting.ts';
import { ownDirectory } from '../../test/support/own.ts';

const GROUP = 'the resident agent';
const STARTS = 5;
const ROTATIONS = 1_000;
/** Long enough for what follows a start to be over, and for wake-ups to be counted; milliseconds. */
const SETTLE = 2_000;
/** After which the engine has nothing left to do either; milliseconds. */
const REST = 35_000;
const IDLE = 60_000;
const HOUR = 3_600_000;
/** Of the default `max_interval`. */
const PASSES_PER_HOUR = 12;

/** Private memory, wake-ups and CPU time of an agent that waits, beside a bare timer on the same Node. */
export async function memoryRows(setting: Setting): Promise<Row[]> {
  const bare = await collect(STARTS, async () => measured(startBare(setting), () => delay(SETTLE)));
  const starts = await collect(STARTS, async () => measured(startAgent(setting), () => settled(setting)));
  const { process: child, control } = startAgent(setting);
  await settled(setting);
  const idle = await idleFigures(child.pid);
  const before = usage(child.pid);
  await rotateOften(setting, control);
  const after = usage(child.pid);
  const worn = privateMegabytes(child.pid);
  const passCpu = (after.cpu - before.cpu) / ROTATIONS;
  await end(child);
  const against = { name: 'bare setInterval', value: statOf(bare) };
  return [
    row('private memory after the start', 'MB', starts, { against, budget: { of: 'difference', limit: 10, aim: 6 } }),
    row(`private memory after ${ROTATIONS} rotations`, 'MB', [worn], {
      against,
      budget: { of: 'difference', limit: 10 },
    }),
    row('wake-ups in an idle hour', '', [idle.wakeUps]),
    row('CPU time of an hour, its passes included', 's', [idle.cpu / 1000 + (PASSES_PER_HOUR * passCpu) / 1000]),
  ];
}

function row(name: string, unit: string, values: readonly number[], more: Partial<Row> = {}): Row {
  return { group: GROUP, name, unit, ours: statOf(values), ...more };
}

async function collect(times: number, measure: () => Promise<number>): Promise<number[]> {
  const values = [];
  for (let time = 0; time < times; time++) values.push(await measure());
  return values;
}

interface Started {
  readonly process: ChildProcess;
}

async function measured({ process: child }: Started, ready: () => Promise<unknown>): Promise<number> {
  await ready();
  const memory = privateMegabytes(child.pid);
  await end(child);
  return memory;
}

export function startBare({ node }: Setting): Started {
  return { process: spawn(node, ['-e', 'setInterval(() => {}, 300_000)'], { stdio: 'ignore' }) };
}

function startAgent({ executable, site }: Setting): Started & { readonly control: OwnDirectory } {
  const directory = site.fresh('agent/sinks');
  site.fresh('agent/run');
  site.fresh('agent/state');
  const sinks = ['a.env', 'b.env', 'c.env'].map((name) => ({ path: join(directory, name), format: 'dotenv' }));
  const config = site.write('agent.yaml', { sinks });
  const env = { PATH: '/usr/bin:/bin', ...site.env('agent') };
  const child = spawn(executable, ['run', '--config', config], { env, stdio: 'ignore' });
  return { process: child, control: ownDirectory(join(site.directory, 'agent/run')) };
}

async function settled({ site }: Setting): Promise<void> {
  while (!existsSync(join(site.directory, 'agent/run/status.json'))) await delay(20);
  await delay(SETTLE);
}

async function rotateOften({ site }: Setting, control: OwnDirectory): Promise<void> {
  for (let rotation = 0; rotation < ROTATIONS; rotation++) {
    await site.rotate();
    await askControl(control, { command: 'refresh', notifyAll: false }, AbortSignal.timeout(60_000));
  }
  await delay(SETTLE);
}

async function end(child: ChildProcess): Promise<void> {
  child.kill();
  await once(child, 'exit');
}

async function idleFigures(pid: number | undefined): Promise<Usage> {
  await delay(REST);
  const before = usage(pid);
  await delay(IDLE);
  const after = usage(pid);
  const scale = HOUR / IDLE;
  return { cpu: (after.cpu - before.cpu) * scale, wakeUps: (after.wakeUps - before.wakeUps) * scale };
}

interface Usage {
  /** Milliseconds. */
  readonly cpu: number;
  readonly wakeUps: number;
}

/** Of all threads so far. */
function usage(pid: number | undefined): Usage {
  const tasks = `/proc/${String(pid)}/task`;
  let cpu = 0;
  let wakeUps = 0;
  for (const task of readdirSync(tasks)) {
    cpu += Number(readFileSync(join(tasks, task, 'schedstat'), 'utf8').split(' ')[0]) / 1e6;
    wakeUps += Number(
      /^voluntary_ctxt_switches:\s+(\d+)$/m.exec(readFileSync(join(tasks, task, 'status'), 'utf8'))?.[1],
    );
  }
  return { cpu, wakeUps };
}
