import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import type { Status } from '../../src/report/schema.ts';
import { ownDirectory } from '../support/own.ts';
import { askControl } from '../../src/agent/control.ts';
import type { Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { startDaemon, type Daemon } from '../support/programs.ts';
import { FROM_SOURCE } from '../support/from-source.ts';
import { limit } from '../support/limits.ts';

/** An agent that is watched from outside for a long time. */
export interface Subject {
  readonly name: string;
  readonly daemon: Daemon;
  readonly status: () => Status;
  /** Has it make a pass at once. */
  readonly refresh: () => Promise<unknown>;
  /** What each sink says of when its credentials end; epoch milliseconds. */
  readonly expirations: () => readonly number[];
  /** Memory of its own in bytes, and open file descriptors, now. */
  readonly memory: () => number;
  readonly descriptors: () => number;
}

/** Milliseconds between two samples of whatever is measured. */
export const SAMPLE = 200;

/** The product, under a name of its own. */
export async function startProduct(t: TestContext, site: Site, name: string): Promise<Subject> {
  const place = await prepare(t, site, name);
  const { process } = site.start(['run', '--config', place.config], { env: place.env });
  return subject(name, place, process.pid);
}

/** Collects garbage, and notes what is in use then (bytes), and the timers that keep the process going. */
const MEASURE = `
const { renameSync, writeFileSync } = require('node:fs');
const measure = () => {
  gc();
  const { heapUsed, external } = process.memoryUsage();
  const timers = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
  writeFileSync(process.env.MEASURED + '.new', heapUsed + external + ' ' + timers);
  renameSync(process.env.MEASURED + '.new', process.env.MEASURED);
};
setInterval(measure, ${SAMPLE}).unref();
`;

export interface Sources extends Subject {
  /** Memory in use, in bytes, without garbage, and timers, as it measured them of itself last. */
  readonly inUse: () => number;
  readonly timers: () => number;
}

/** Its sources under the same Node, where more can be measured than from outside. */
export async function startSources(t: TestContext, site: Site): Promise<Sources> {
  const place = await prepare(t, site, 'sources');
  const preload = join(place.directory, 'measure.cjs');
  const results = join(place.directory, 'measured');
  writeFileSync(preload, MEASURE);
  const main = resolve(import.meta.dirname, '../../src/main.ts');
  const options = [...FROM_SOURCE.slice(1), '--expose-gc', '--require', preload, main];
  // A site starts the product, whose place Node takes here.
  const through = ['/bin/sh', '-c', `shift; exec "$0" ${options.join(' ')} "$@"`, process.execPath];
  const env = { ...place.env, MEASURED: results };
  const { process: child } = site.start(['run', '--config', place.config], { through, env });
  const measured = (column: number): number => Number(readFileSync(results, 'utf8').trim().split(' ')[column]);
  return { ...(await subject('sources', place, child.pid)), inUse: () => measured(0), timers: () => measured(1) };
}

interface Place {
  readonly directory: string;
  readonly config: string;
  readonly daemon: Daemon;
  readonly env: Readonly<Record<string, string>>;
}

async function prepare(t: TestContext, site: Site, name: string): Promise<Place> {
  const directory = site.path(name);
  mkdirSync(directory, { mode: 0o700 });
  const path = (file: string): string => join(directory, file);
  const daemon = await startDaemon(t, path('daemon'));
  const sinks = [
    { path: path('iam.json'), format: 'json' },
    { path: path('aws.env'), format: 'dotenv' },
    { path: path('credentials'), format: 'aws-credentials', expiration_key: 'expires' },
  ];
  const settings = {
    sinks: sinks.map((sink) => ({ ...sink, notify: ['daemon'] })),
    consumers: { daemon: { type: 'signal', signal: 'SIGHUP', pid_file: daemon.pidFile } },
    refresh: { max_interval: '2s' },
    imds: { timeout: `${Math.min(limit(1_000), 30_000)}ms`, attempts: 2 },
  };
  writeFileSync(path('c.yaml'), JSON.stringify(settings));
  const env = { STATE_DIRECTORY: path('state'), RUNTIME_DIRECTORY: path('run') };
  return { directory, config: path('c.yaml'), daemon, env };
}

/** Its first pass is over. */
async function subject(name: string, { directory, daemon }: Place, pid = 0): Promise<Subject> {
  const text = (file: string): string => readFileSync(join(directory, file), 'utf8');
  await eventually(`${name} has begun`, () => existsSync(join(directory, 'run/status.json')));
  return {
    name,
    daemon,
    status: () => JSON.parse(text('run/status.json')) as Status,
    refresh: () =>
      askControl(
        ownDirectory(join(directory, 'run')),
        { command: 'refresh', notifyAll: false },
        AbortSignal.timeout(limit(30_000)),
      ),
    expirations: () =>
      [
        /"Expiration" *: *"([^"]+)"/.exec(text('iam.json')),
        /^AWS_CREDENTIAL_EXPIRATION=(.*)$/m.exec(text('aws.env')),
        /^expires *= *(.*)$/m.exec(text('credentials')),
      ].map((found) => {
        const expiration = Date.parse(found?.[1] ?? '');
        assert.ok(expiration > 0, `${directory}: a sink is not whole`);
        return expiration;
      }),
    memory: () => {
      // Not Private_Dirty, which counts the pages of a newly built executable until they have reached the disk.
      const [, kibibytes] = /^Anonymous: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
      return Number(kibibytes) * 1024;
    },
    descriptors: () => readdirSync(`/proc/${pid}/fd`).length,
  };
}
