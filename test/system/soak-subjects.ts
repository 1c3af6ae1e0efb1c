import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { TestContext } from 'node:test';
import type { Status } from '../../src/report/status.ts';
import { askControl } from '../../src/rotation/control.ts';
import type { Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { startDaemon, type Daemon } from '../support/programs.ts';

/** An agent that is watched from outside for a long time. */
export interface Subject {
  readonly name: string;
  readonly daemon: Daemon;
  readonly status: () => Status;
  /** Has it make a pass at once. */
  readonly refresh: () => Promise<unknown>;
  /** What each sink says of when its credentials end; epoch milliseconds. */
  readonly expirations: () => readonly number[];
  /** Private memory in bytes, and open file descriptors, now. */
  readonly memory: () => number;
  readonly descriptors: () => number;
}

/** Milliseconds between two samples of whatever is measured. */
export const SAMPLE = 200;

/** The product. */
export async function startProduct(t: TestContext, site: Site): Promise<Subject> {
  const place = await prepare(t, site, 'product');
  const { process } = site.start(['run', '--config', place.config], { env: place.env });
  return subject('the product', place, process.pid);
}

/** Counts what keeps the process going, as Node itself sees it. */
const COUNT_TIMERS = `
const { appendFileSync } = require('node:fs');
const count = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
setInterval(() => appendFileSync(process.env.TIMERS, count() + '\\n'), ${SAMPLE}).unref();
`;

/** Its sources under the same Node: there, timers can be counted. */
export async function startSources(t: TestContext, site: Site, timers: string): Promise<Subject> {
  const place = await prepare(t, site, 'sources');
  const preload = join(place.directory, 'timers.cjs');
  writeFileSync(preload, COUNT_TIMERS);
  const main = resolve(import.meta.dirname, '../../src/main.ts');
  const options = ['--disable-warning=ExperimentalWarning', '--require', preload];
  const child = spawn(process.execPath, [...options, main, 'run', '--config', place.config], {
    stdio: 'ignore',
    env: { ...site.env, ...place.env, TIMERS: timers },
  });
  t.after(() => child.kill('SIGKILL'));
  return subject('its sources', place, child.pid);
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
    imds: { timeout: '300ms', attempts: 2 },
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
        join(directory, 'run/control.sock'),
        { command: 'refresh', tellAll: false },
        AbortSignal.timeout(30_000),
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
      const [, kibibytes] = /^Private_Dirty: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? [];
      return Number(kibibytes) * 1024;
    },
    descriptors: () => readdirSync(`/proc/${pid}/fd`).length,
  };
}
