import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Watchdog } from '../../src/agent/service-manager.ts';
import type { Plan } from '../../src/rotation/plan.ts';
import { configOf, jsonSink } from '../support/topology.ts';

const MINUTE = 60_000;
const config = configOf([jsonSink('/etc/a.json'), jsonSink('/etc/b.json')]);
/** Of two sinks: the source's share, and theirs. */
const LONGEST = 2 * MINUTE;

function plan(waitMs: number): Plan {
  return { at: Date.now() + waitMs, waitMs, reason: 'max_interval' };
}

function watched(): { readonly watchdog: Watchdog; readonly at: (minutes: number) => boolean } {
  let now = 0;
  const watchdog = new Watchdog(
    {},
    () => undefined,
    { config },
    () => now,
  );
  return {
    watchdog,
    at: (minutes) => {
      now = minutes * MINUTE;
      return watchdog.isAlive();
    },
  };
}

describe('the watchdog', () => {
  test('gives the first pass its time, and no more', () => {
    const { at } = watched();
    assert.equal(at(LONGEST / MINUTE), true);
    assert.equal(at(LONGEST / MINUTE + 0.01), false);
  });

  test('lets an idle agent wait for its next pass', () => {
    const { watchdog, at } = watched();
    watchdog.see({ config, next: plan(5 * MINUTE) });
    assert.equal(at(7), true);
    assert.equal(at(7.01), false, 'the pass that was due after 5 minutes hangs');
  });

  test('takes a consumer that was notified during a pass for no end of that pass', () => {
    const { watchdog, at } = watched();
    const next = plan(5 * MINUTE);
    watchdog.see({ config, next });
    assert.equal(at(6), true);
    watchdog.see({ config, next });
    assert.equal(at(7.01), false);
    watchdog.see({ config, next: plan(5 * MINUTE) });
    assert.equal(at(14), true, 'the pass came to its end after all');
  });

  // Cause: the wall clock is set while passes go on; what counts is time that went by.
  test('does not go by the wall clock', () => {
    const { watchdog, at } = watched();
    watchdog.see({ config, next: { at: 0, waitMs: 5 * MINUTE, reason: 'retry' } });
    assert.equal(at(7), true);
    watchdog.see({ config, next: { at: Number.MAX_SAFE_INTEGER, waitMs: MINUTE, reason: 'retry' } });
    assert.equal(at(10.01), false);
  });

  test('is silent from then on, and speaks again when the pass ends after all', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let now = 0;
    const said: string[] = [];
    const env = { WATCHDOG_USEC: '20000', WATCHDOG_PID: String(process.pid) };
    const watchdog = new Watchdog(
      env,
      (state) => said.push(state),
      { config },
      () => now,
    );
    t.after(() => {
      watchdog.stop();
    });
    t.mock.timers.tick(100);
    assert.ok(said.length > 2);
    now = LONGEST + 1;
    const before = said.length;
    t.mock.timers.tick(1_000);
    assert.equal(said.length, before);
    watchdog.see({ config, next: plan(MINUTE) });
    t.mock.timers.tick(100);
    assert.ok(said.length > before);
    assert.deepEqual([...new Set(said)], ['WATCHDOG=1']);
  });
});
