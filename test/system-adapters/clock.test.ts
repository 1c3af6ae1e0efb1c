import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { createClock } from '../../src/system/clock.ts';
import { countTimers } from './timers.ts';

const clock = createClock();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const never = new AbortController().signal;

describe('sleep', () => {
  test('returns when the moment has come, not before', async () => {
    // Through a time zone, croner drops the milliseconds and would wake up to a second early.
    const at = Date.now() + 40;
    await clock.sleep(40, never);
    assert.ok(Date.now() >= at);
  });

  test('returns at once when it is over already', async (t) => {
    const time = fakeTime(t);
    const sleep = watch(clock.sleep(-HOUR, never));
    time.pass(1, 1);
    assert.equal(await sleep.isOver(), true);
  });

  test('returns at once when it was aborted before, and starts nothing', async () => {
    const timers = countTimers();
    await clock.sleep(HOUR, AbortSignal.abort());
    assert.equal(countTimers(), timers);
  });

  test('returns when it is aborted, and leaves neither timer nor listener', async () => {
    const timers = countTimers();
    const controller = new AbortController();
    const sleep = clock.sleep(HOUR, controller.signal);
    assert.ok(countTimers() > timers);
    controller.abort();
    await sleep;
    assert.equal(countTimers(), timers);
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
  });

  test('leaves neither timer nor listener when it is over', async () => {
    const timers = countTimers();
    const { signal } = new AbortController();
    await clock.sleep(10, signal);
    assert.equal(countTimers(), timers);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  test('sleeps longer than a timer can hold', async (t) => {
    const time = fakeTime(t);
    const sleep = watch(clock.sleep(30 * DAY, never));
    time.pass(26 * DAY, HOUR);
    assert.equal(await sleep.isOver(), false);
    time.pass(4 * DAY, HOUR);
    assert.equal(await sleep.isOver(), true);
  });

  test('notices within 30 s that the clock was set ahead, or that the machine slept', async (t) => {
    const time = fakeTime(t);
    const sleep = watch(clock.sleep(HOUR, never));
    time.pass(45_000);
    time.set(time.now() + 2 * HOUR);
    time.pass(14_000);
    assert.equal(await sleep.isOver(), false);
    time.pass(1_000);
    assert.equal(await sleep.isOver(), true);
  });

  test('takes no longer when the clock is set back', async (t) => {
    const time = fakeTime(t);
    const sleep = watch(clock.sleep(5 * MINUTE, never));
    time.pass(MINUTE);
    time.set(time.now() - 365 * DAY);
    time.pass(4 * MINUTE);
    assert.equal(await sleep.isOver(), false);
    time.pass(1_000);
    assert.equal(await sleep.isOver(), true);
  });

  test('takes no longer when the clock is set back while it begins', async (t) => {
    const time = fakeTime(t);
    const { now } = Date;
    let looks = 0;
    t.mock.method(Date, 'now', () => now() - DAY * looks++);
    const sleep = watch(clock.sleep(5 * MINUTE, never));
    time.pass(5 * MINUTE);
    assert.ok(looks > 0);
    time.pass(1_000);
    assert.equal(await sleep.isOver(), true);
  });

  test('rejects a length that is none', async () => {
    await assert.rejects(clock.sleep(NaN, never), TypeError);
  });
});

interface FakeTime {
  now(): number;
  /** Timers and the wall clock go on together. */
  pass(ms: number, step?: number): void;
  /** The wall clock alone jumps. */
  set(epochMs: number): void;
}

/** The mocked Date of node:test cannot jump without its timers, so the wall clock is a Date of our own. */
function fakeTime(t: TestContext): FakeTime {
  const RealDate = Date;
  let wall = Date.parse('2026-05-01T00:00:00Z');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  class FakeDate extends RealDate {
    constructor(value: number | string | Date = wall) {
      super(value);
    }
    static override now(): number {
      return wall;
    }
  }
  // Only what the clock and croner use: no argument or one.
  globalThis.Date = FakeDate as DateConstructor;
  t.after(() => {
    globalThis.Date = RealDate;
  });
  return {
    now: () => wall,
    set: (epochMs) => {
      wall = epochMs;
    },
    pass: (ms, step = 1000) => {
      for (let passed = 0; passed < ms; passed += step) {
        wall += step;
        t.mock.timers.tick(step);
      }
    },
  };
}

function watch(promise: Promise<void>): { isOver(): Promise<boolean> } {
  return {
    isOver: () =>
      Promise.race([promise.then(() => true), new Promise<boolean>((resolve) => setImmediate(resolve, false))]),
  };
}
