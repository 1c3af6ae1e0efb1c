import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openSite } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import { byClock, expirationOf, library, lines, nextPass, setClock, start, stopped } from './clock-stage.ts';

/**
 * The executable by a wall clock that is set while it runs, and that goes on while it is stopped, as in a suspend: the
 * clock of the timers (CLOCK_MONOTONIC) stands still then, and does not take part in either.
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** How late a pass may be after a step, and the time that it takes. */
const LATE = 30 * SECOND + 4 * SECOND;

const WRONG = /the clock of this host says/g;
const RIGHT = /the clock of this host is right again/g;

const skip = library === undefined && 'needs the package faketime';

describe('a clock that is set while the agent runs', { concurrency: 8, skip }, () => {
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
      await nextPass(stage, LATE);
      await nextPass(stage, LATE);
    }
    const most = 1 + Math.ceil((Date.now() - begun) / (8 * SECOND));
    assert.ok(stage.passes() <= most, `${stage.passes()} passes, expected ${most} at most`);
    assert.equal(lines(stage.agent, WRONG), 1);
  });

  test('a suspend that outlives the credentials: new ones within 30 s, by one pass', async (t) => {
    const stage = await start(t, { ahead: 0, lifetime: 6 * HOUR, maxInterval: '1h' });
    for (const ahead of [7 * HOUR, 14 * HOUR]) {
      await stage.suspend(ahead);
      await nextPass(stage, LATE);
      assert.equal(expirationOf(stage), stage.site.metadata.current().expiration + ahead);
      assert.ok(stage.wait() > 40 * MINUTE, `${stage.wait()} ms to the next pass`);
    }
    // Three passes of two requests, the identity, and a token for each: none outlives the suspend.
    assert.equal(stage.site.metadata.requests.length, 3 * 2 + 1 + 3);
    assert.equal(stage.status().generation, 3);
    assert.equal(lines(stage.agent, /source is|the clock of/g), 0, stage.agent.output());
  });

  test('a suspend in the middle of a request: it is given up and made again', async (t) => {
    const stage = await start(t, { ahead: 0, lifetime: 6 * HOUR, maxInterval: '10s' });
    stage.site.metadata.setFaults([{ at: 'credentials', kind: 'hang' }]);
    const { requests } = stage.site.metadata;
    await eventually('it waits for an answer', () => requests.at(-1)?.status === 0);
    await stage.suspend(7 * HOUR);
    const begun = Date.now();
    await eventually('new ones', () => expirationOf(stage) === stage.site.metadata.current().expiration + 7 * HOUR);
    assert.ok(Date.now() - begun < limit(10 * SECOND));
    assert.equal(stage.status().source.state, 'ok');
    assert.equal(lines(stage.agent, /source is|the clock of/g), 0, stage.agent.output());
  });

  test('stopped while its timers go on, as in a container that is paused: one pass, not all that were missed', async (t) => {
    const stage = await start(t, { ahead: 0, lifetime: 6 * HOUR, maxInterval: '2s' });
    await nextPass(stage, 5 * SECOND);
    await stopped(stage.agent);
    const until = Date.now() + 15 * SECOND;
    await eventually('many passes are missed', () => Date.now() > until, 20 * SECOND);
    const before = stage.passes();
    stage.agent.process.kill('SIGCONT');
    await nextPass(stage, 2 * SECOND);
    const begun = Date.now();
    await eventually('those that were missed could be made', () => Date.now() > begun + 5 * SECOND);
    const most = 1 + Math.ceil((Date.now() - begun) / (1.5 * SECOND));
    assert.ok(stage.passes() - before <= most, `${stage.passes() - before} passes, expected ${most} at most`);
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
    await eventually('it is said', () => lines(stage.agent, RIGHT) > 0);
    assert.deepEqual([lines(stage.agent, WRONG), lines(stage.agent, RIGHT)], [1, 1]);
    assert.equal(stage.site.metadata.requests.length, 2 * 2 + 1 + 2);
  });

  test('ahead at boot, so that short-lived credentials look expired, and set back later', async (t) => {
    const stage = await start(t, { ahead: 2 * HOUR, lifetime: 15 * MINUTE, maxInterval: '10s' });
    await nextPass(stage, LATE);
    stage.set(0);
    await nextPass(stage, LATE);
    await eventually('it is said', () => lines(stage.agent, RIGHT) > 0);
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
