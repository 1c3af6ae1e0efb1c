import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import type { Status } from '../../src/report/schema.ts';
import { openSite, type RunOptions, type Running, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';

/** An agent by a wall clock of its own (libfaketime), and its timers by the kernel's. */

const SECOND = 1000;

export const [library] = globSync('/usr/lib*/{*/,}faketime/libfaketimeMT.so.1');

export interface Stage {
  readonly site: Site;
  readonly agent: Running;
  /** Sets the agent's clock so many milliseconds ahead of ours. */
  readonly set: (ahead: number) => void;
  readonly passes: () => number;
  readonly status: () => Status;
  /** Until the next planned pass, by the agent's clock. */
  readonly wait: () => number;
  /** Stops it, with all its timers, while the clocks of its host and of the metadata service go on to so much ahead of ours. */
  readonly suspend: (ahead: number) => Promise<void>;
}

interface Options {
  readonly ahead: number;
  readonly lifetime: number;
  readonly maxInterval: string;
}

/** The clock of programs that are started with {@link byClock}: so many milliseconds ahead of ours. */
export function setClock(site: Site, ahead: number): void {
  // Whole at every moment: the programs read it whenever they look at the time.
  writeFileSync(site.path('clock.new'), `${ahead < 0 ? '-' : '+'}${Math.abs(ahead) / SECOND}`);
  renameSync(site.path('clock.new'), site.path('clock'));
}

export function byClock(site: Site): NonNullable<RunOptions['env']> {
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: site.path('clock'),
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
  };
}

/** Its first pass is over, and gave credentials. */
export async function start(t: TestContext, { ahead, lifetime, maxInterval }: Options): Promise<Stage> {
  const site = await openSite(t, { lifetime });
  const set = (to: number): void => {
    setClock(site, to);
  };
  set(ahead);
  const config = { sinks: [{ path: site.path('iam.json'), format: 'json' }], refresh: { max_interval: maxInterval } };
  const agent = site.start(['run', ...site.configure(config)], { env: byClock(site) });
  await eventually('the first pass is over', () => existsSync(site.path('run/status.json')));
  const status = (): Status => JSON.parse(readFileSync(site.path('run/status.json'), 'utf8')) as Status;
  return {
    site,
    agent,
    set,
    status,
    passes: () => site.metadata.requests.filter(({ path }) => path.endsWith('/security-credentials/')).length,
    wait: () => Date.parse(status().nextPass?.at ?? '') - Date.parse(status().writtenAt),
    suspend: async (to) => {
      await stopped(agent);
      site.metadata.rotate();
      site.metadata.setFaults([{ at: 'any', kind: 'skew', value: to }]);
      set(to);
      agent.process.kill('SIGCONT');
    },
  };
}

export async function stopped({ process: child }: Running): Promise<void> {
  child.kill('SIGSTOP');
  await eventually('it is stopped', () => /^State:\tT/m.test(readFileSync(`/proc/${child.pid ?? 0}/status`, 'utf8')));
}

/** One pass more, that found all well. */
export async function nextPass({ passes, status }: Stage, within: number): Promise<void> {
  const before = passes();
  const { writtenAt } = status();
  await eventually('the next pass', () => passes() > before && status().writtenAt !== writtenAt, within);
  assert.equal(status().source.state, 'ok');
}

/** What the file says. */
export function expirationOf({ site }: Stage): number {
  const { Expiration } = JSON.parse(readFileSync(site.path('iam.json'), 'utf8')) as { readonly Expiration: string };
  return Date.parse(Expiration);
}

export function lines(agent: Running, what: RegExp): number {
  return agent.output().match(what)?.length ?? 0;
}
