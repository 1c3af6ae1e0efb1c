import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import type { Status } from '../../src/report/status.ts';
import { openSite, type RunOptions, type Running, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';

/**
 * The executable by a wall clock that is set while it runs. Timers go on as before: so does a step look to a program,
 * and so does a suspend, during which the clock of the timers stands still.
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** How late a pass may be after a step, and the time that it takes. */
const LATE = 30 * SECOND + 4 * SECOND;

const [library] = globSync('/usr/lib*/{*/,}faketime/libfaketimeMT.so.1');

interface Stage {
  readonly site: Site;
  readonly agent: Running;
  /** Sets the agent's clock so many milliseconds ahead of ours. */
  readonly set: (ahead: number) => void;
  readonly passes: () => number;
  readonly status: () => Status;
  /** Until the next planned pass, by the agent's clock. */
  readonly wait: () => number;
}

interface Options {
  readonly ahead: number;
  readonly lifetime: number;
  readonly maxInterval: string;
}

/** The clock of programs that are started with {@link byClock}: so many milliseconds ahead of ours. */
function setClock(site: Site, ahead: number): void {
  // Whole at every moment: the programs read it whenever they look at the time.
  writeFileSync(site.path('clock.new'), `${ahead < 0 ? '-' : '+'}${Math.abs(ahead) / SECOND}`);
  renameSync(site.path('clock.new'), site.path('clock'));
}

function byClock(site: Site): NonNullable<RunOptions['env']> {
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: site.path('clock'),
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    NO_FAKE_STAT: '1',
  };
}

/** Its first pass is over, and gave credentials. */
async function start(t: TestContext, { ahead, lifetime, maxInterval }: Options): Promise<Stage> {
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
  };
}

/** One pass more, that found all well. */
async function nextPass({ passes, status }: Stage, within: number): Promise<void> {
  const before = passes();
  const { writtenAt } = status();
  await eventually('the next pass', () => passes() > before && status().writtenAt !== writtenAt, within);
  assert.equal(status().source.state, 'ok');
}

function lines(agent: Running, what: RegExp): number {
  return agent.output().match(what)?.length ?? 0;
}

const WRONG = /the clock of this host says/g;
const RIGHT = /the clock of this host is right again/g;

const skip = library === undefined && 'needs the package faketime';

describe('a clock that is set while the agent runs', { concurrency: 4, skip }, () => {
  test('two hours ahead, then three days: a pass within 30 s each, and no other', async (t) => {
    const stage = await start(t, { ahead: 0, lifetime: 6 * HOUR, maxInterval: '1h' });
    const written = readFileSync(stage.site.path('iam.json'));
    for (const ahead of [2 * HOUR, 3 * DAY]) {
      stage.set(ahead);
      await nextPass(stage, LATE);
      assert.ok(stage.wait() > 40 * MINUTE, `${stage.wait()} ms to the next pass`);
    }
    // Three passes of two requests, the identity, and a second token: by this clock the first one is over.
    assert.equal(stage.site.metadata.requests.length, 3 * 2 + 1 + 2);
    assert.equal(lines(stage.agent, WRONG), 1);
    // By the agent's clock they have expired two days ago; they have not.
    assert.deepEqual(readFileSync(stage.site.path('iam.json')), written);
    assert.equal(stage.status().generation, 1);
  });

  test('back two hours, then two days: no pass takes longer than without', async (t) => {
    const stage = await start(t, { ahead: 0, lifetime: 6 * HOUR, maxInterval: '10s' });
    const begun = Date.now();
    for (const ahead of [-2 * HOUR, -2 * DAY]) {
      stage.set(ahead);
      await nextPass(stage, 15 * SECOND);
      await nextPass(stage, 15 * SECOND);
    }
    const most = 1 + Math.ceil((Date.now() - begun) / (8 * SECOND));
    assert.ok(stage.passes() <= most, `${stage.passes()} passes, expected ${most} at most`);
    assert.equal(lines(stage.agent, WRONG), 1);
  });

  test('in 1970 at boot, and set later', async (t) => {
    const boot = 5 * MINUTE - Math.floor(Date.now() / SECOND) * SECOND;
    const stage = await start(t, { ahead: boot, lifetime: 15 * MINUTE, maxInterval: '24h' });
    assert.match(stage.status().writtenAt, /^1970-01-01T00:0/);
    // Only fifteen minutes of their 56 years are left.
    assert.ok(stage.wait() > 6 * MINUTE && stage.wait() < 11 * MINUTE, `${stage.wait()} ms to the next pass`);
    assert.deepEqual([lines(stage.agent, WRONG), lines(stage.agent, RIGHT)], [1, 0]);
    stage.set(0);
    await nextPass(stage, LATE);
    assert.ok(stage.wait() > 5 * MINUTE && stage.wait() < 11 * MINUTE, `${stage.wait()} ms to the next pass`);
    assert.deepEqual([lines(stage.agent, WRONG), lines(stage.agent, RIGHT)], [1, 1]);
    assert.equal(stage.site.metadata.requests.length, 2 * 2 + 1 + 2);
  });

  test('ahead at boot, so that short-lived credentials look expired, and set back later', async (t) => {
    const stage = await start(t, { ahead: 2 * HOUR, lifetime: 15 * MINUTE, maxInterval: '10s' });
    await nextPass(stage, 15 * SECOND);
    stage.set(0);
    await nextPass(stage, 15 * SECOND);
    assert.deepEqual([lines(stage.agent, WRONG), lines(stage.agent, RIGHT)], [1, 1]);
    assert.equal(stage.status().generation, 1);
  });

  test('ahead while once waits for a role: it waits on', async (t) => {
    const site = await openSite(t, { role: null });
    setClock(site, 0);
    const config = site.configure({ sinks: [{ path: site.path('iam.json'), format: 'json' }] });
    const once = site.start(['once', '--wait', '5m', ...config], { env: byClock(site) });
    await eventually('it waits', () => site.metadata.requests.length > 0);
    setClock(site, DAY);
    const asked = site.metadata.requests.length;
    await eventually('it has asked again', () => site.metadata.requests.length > asked + 3, LATE);
    site.metadata.setRole('late');
    assert.equal((await once.ended).code, 0);
  });
});
