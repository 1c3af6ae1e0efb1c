import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { createClock, validatePattern } from '../../src/system/clock.ts';

const clock = createClock();
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const never = new AbortController().signal;

describe('sleepUntil', () => {
  test('returns when the moment has come, not before', async () => {
    // Through a time zone, croner drops the milliseconds and would wake up to a second early.
    const at = Date.now() + 40;
    await clock.sleepUntil(at, never);
    assert.ok(Date.now() >= at);
  });

  test('returns at once for a moment in the past', async (t) => {
    const time = fakeTime(t);
    const sleep = watch(clock.sleepUntil(time.now() - HOUR, never));
    time.pass(1, 1);
    assert.equal(await sleep.isOver(), true);
  });

  test('returns at once when it was aborted before, and starts nothing', async () => {
    const timers = countTimers();
    await clock.sleepUntil(Date.now() + HOUR, AbortSignal.abort());
    assert.equal(countTimers(), timers);
  });

  test('returns when it is aborted, and leaves neither timer nor listener', async () => {
    const timers = countTimers();
    const controller = new AbortController();
    const sleep = clock.sleepUntil(Date.now() + HOUR, controller.signal);
    assert.ok(countTimers() > timers);
    controller.abort();
    await sleep;
    assert.equal(countTimers(), timers);
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
  });

  test('leaves neither timer nor listener when it is over', async () => {
    const timers = countTimers();
    const { signal } = new AbortController();
    await clock.sleepUntil(Date.now() + 10, signal);
    assert.equal(countTimers(), timers);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  test('sleeps longer than a timer can hold', async (t) => {
    const time = fakeTime(t);
    const sleep = watch(clock.sleepUntil(time.now() + 30 * DAY, never));
    time.pass(26 * DAY, HOUR);
    assert.equal(await sleep.isOver(), false);
    time.pass(4 * DAY, HOUR);
    assert.equal(await sleep.isOver(), true);
  });

  test('notices within 30 s that the clock was set ahead, or that the machine slept', async (t) => {
    const time = fakeTime(t);
    const sleep = watch(clock.sleepUntil(time.now() + HOUR, never));
    time.pass(45_000);
    time.set(time.now() + 2 * HOUR);
    time.pass(14_000);
    assert.equal(await sleep.isOver(), false);
    time.pass(1_000);
    assert.equal(await sleep.isOver(), true);
  });

  test('takes no longer when the clock is set back', async (t) => {
    const time = fakeTime(t);
    const sleep = watch(clock.sleepUntil(time.now() + 5 * MINUTE, never));
    time.pass(MINUTE);
    time.set(time.now() - 365 * DAY);
    time.pass(4 * MINUTE);
    assert.equal(await sleep.isOver(), false);
    time.pass(1_000);
    assert.equal(await sleep.isOver(), true);
  });

  test('rejects a moment that is none', async () => {
    await assert.rejects(clock.sleepUntil(NaN, never), TypeError);
  });
});

describe('nextMatch', () => {
  const cases: readonly [what: string, pattern: string, timezone: string, after: string, match: string][] = [
    ['every hour', '0 * * * *', 'UTC', '2026-05-01T10:00:00.500Z', '2026-05-01T11:00:00Z'],
    ['a match is not its own successor', '0 3 * * *', 'UTC', '2026-05-01T03:00:00Z', '2026-05-02T03:00:00Z'],
    ['a moment before a match', '0 3 * * *', 'UTC', '2026-05-01T02:59:59.999Z', '2026-05-01T03:00:00Z'],
    ['a zone', '0 3 * * *', 'Asia/Kolkata', '2026-05-01T00:00:00Z', '2026-05-01T21:30:00Z'],
    ['winter time', '30 2 * * *', 'Europe/Berlin', '2026-03-27T12:00:00Z', '2026-03-28T01:30:00Z'],
    // 02:30 does not exist on 29 March: the pass takes place at the change, 03:00 summer time.
    ['the hour left out', '30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-29T01:00:00Z'],
    ['summer time', '30 2 * * *', 'Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-30T00:30:00Z'],
    // 02:30 comes twice on 25 October: once is enough.
    ['the first of two', '30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', '2026-10-25T00:30:00Z'],
    ['not the second', '30 2 * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
    ['steps go on', '*/30 * * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-25T01:00:00Z'],
  ];
  for (const [what, pattern, timezone, after, match] of cases) {
    test(`${what}: ${pattern} after ${after}`, () => {
      assert.equal(clock.nextMatch({ pattern, timezone }, Date.parse(after)), Date.parse(match));
    });
  }

  test('without a zone, the zone of the host counts, through its changes', (t) => {
    const { TZ = '' } = process.env;
    t.after(() => (process.env['TZ'] = TZ));
    for (const [, pattern, timezone, after, match] of cases) {
      process.env['TZ'] = timezone;
      assert.equal(clock.nextMatch({ pattern }, Date.parse(after)), Date.parse(match), `${pattern} in ${timezone}`);
    }
  });

  test('undefined when there is none', () => {
    assert.equal(clock.nextMatch({ pattern: '0 0 30 2 *' }, Date.parse('2026-01-01T00:00:00Z')), undefined);
  });

  test('starts no timer', () => {
    const timers = countTimers();
    clock.nextMatch({ pattern: '* * * * *' }, Date.now());
    assert.equal(countTimers(), timers);
  });
});

describe('validatePattern', () => {
  const cases: readonly [pattern: string, timezone: string | undefined, reason: RegExp | undefined][] = [
    ['*/5 * * * *', undefined, undefined],
    ['0 3 * * MON-FRI', 'America/New_York', undefined],
    ['@hourly', undefined, undefined],
    ['61 * * * *', undefined, /^Invalid value for minute: 61$/],
    ['* * *', undefined, /^invalid configuration format/],
    ['', undefined, /^invalid configuration format/],
    ['0 0 30 2 *', undefined, /^it never matches$/],
    ['2031-01-01T00:00:00', undefined, /^a date is not a pattern$/],
    ['0 3 * * *', 'Mars/Olympus', /^unknown time zone "Mars\/Olympus"$/],
    ['0 3 * * *', '', /^unknown time zone ""$/],
  ];
  for (const [pattern, timezone, reason] of cases) {
    test(`${JSON.stringify(pattern)} ${timezone ?? ''}`, () => {
      const got = validatePattern(pattern, timezone);
      if (reason === undefined) assert.equal(got, undefined);
      else assert.match(got ?? '', reason);
    });
  }
});

function countTimers(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}

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
