import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { askControl } from '../../src/agent/control.ts';
import { SOCKET } from '../../src/agent/published.ts';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { statOf } from '../measure.ts';
import type { Row } from '../rows.ts';
import type { Setting } from '../setting.ts';
import { ownDirectory } from '../../test/support/own.ts';

const PASSES = 20;
/** At the default `max_interval`. */
const PASSES_PER_DAY = 288;
const NAIVE = join(import.meta.dirname, '..', 'naive.sh');

/** What the metadata service is asked for and sends, by an agent and by a script that runs as often. */
export async function trafficRows(setting: Setting): Promise<Row[]> {
  const simulator = await createSimulator();
  const wire = await Wire.open(new URL(simulator.url).port);
  try {
    const ours = await count(
      wire,
      () => simulator.requests.length,
      () => agentPasses(setting, wire.url),
    );
    const naive = await count(
      wire,
      () => simulator.requests.length,
      () => naivePasses(setting, wire.url),
    );
    const row = (name: string, unit: string, figure: keyof Traffic): Row => ({
      group: 'the metadata service, a day',
      name,
      unit,
      ours: statOf([ours[figure]]),
      against: { name: 'naive script every 5 min', value: statOf([naive[figure]]) },
      budget: { of: 'ratio', limit: 1 },
    });
    return [row('requests', '', 'requests'), row('bytes, both ways', 'kB', 'kilobytes')];
  } finally {
    await wire.close();
    await simulator.close();
  }
}

interface Traffic {
  readonly requests: number;
  readonly kilobytes: number;
}

async function count(wire: Wire, requests: () => number, passes: () => Promise<void>): Promise<Traffic> {
  const before = { requests: requests(), bytes: wire.bytes };
  await passes();
  const scale = PASSES_PER_DAY / PASSES;
  return { requests: (requests() - before.requests) * scale, kilobytes: ((wire.bytes - before.bytes) * scale) / 1000 };
}

async function agentPasses({ executable, site }: Setting, endpoint: string): Promise<void> {
  const sinks = [{ path: join(site.fresh('traffic/sinks'), 'a.env'), format: 'dotenv' }];
  const config = site.write('traffic.yaml', { sinks });
  site.fresh('traffic/run');
  const env = { PATH: '/usr/bin:/bin', ...site.env('traffic'), AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint };
  const child = spawn(executable, ['run', '--config', config], { env, stdio: 'ignore' });
  const control = ownDirectory(join(site.directory, 'traffic/run'));
  while (!existsSync(join(control.path, SOCKET))) await delay(20);
  // The start was a pass.
  for (let pass = 1; pass < PASSES; pass++)
    await askControl(control, { command: 'refresh', notifyAll: false }, AbortSignal.timeout(60_000));
  child.kill();
  await once(child, 'exit');
}

async function naivePasses({ site }: Setting, endpoint: string): Promise<void> {
  const directory = site.fresh('traffic/naive');
  for (let pass = 0; pass < PASSES; pass++)
    await once(spawn('/bin/sh', [NAIVE, endpoint, directory], { stdio: 'ignore' }), 'exit');
}

/** Passes connections on, and counts their bytes. */
class Wire {
  bytes = 0;
  readonly #port: string;
  readonly #server = createServer((socket) => {
    const far = connect(Number(this.#port), '127.0.0.1');
    for (const [from, to] of [
      [socket, far],
      [far, socket],
    ] as const) {
      from.on('data', (chunk) => (this.bytes += chunk.length));
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
  });

  private constructor(port: string) {
    this.#port = port;
  }

  static async open(port: string): Promise<Wire> {
    const wire = new Wire(port);
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    return wire;
  }

  get url(): string {
    // A TCP server's address is never a path or null while it listens.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }
}
