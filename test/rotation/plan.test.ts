import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RefreshConfig } from '../../src/core/config.ts';
import { planNext, type PlanInput, type PlanReason } from '../../src/rotation/plan.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const NOW = Date.parse('2026-05-01T00:00:00Z');
const ALMOST_ONE = 1 - Number.EPSILON;

/** Nothing but the credentials' life decides. */
const LIFE_ONLY: RefreshConfig = { maxInterval: 1000 * HOUR };
const DEFAULTS: RefreshConfig = { maxInterval: 5 * MINUTE };

interface Case {
  readonly lifetime: number;
  /** Of the lifetime; the default is all of it: just fetched. */
  readonly left?: number;
  readonly failures?: number;
  readonly refresh?: RefreshConfig;
  readonly nextMatch?: PlanInput['nextMatch'];
}

/** The range of the wait in seconds over all jitter, and the reason. */
function waits(of: Case): [shortest: number, longest: number, reason: PlanReason] {
  const plan = (random: number) =>
    planNext({
      now: NOW,
      refresh: of.refresh ?? LIFE_ONLY,
      current: { expiration: NOW + (of.left ?? of.lifetime), lifetime: of.lifetime },
      failures: of.failures ?? 0,
      random,
      ...(of.nextMatch && { nextMatch: of.nextMatch }),
    });
  const ends = [plan(0), plan(ALMOST_ONE)];
  const [first, second] = ends.map(({ at }) => Math.round((at - NOW) / SECOND));
  assert.equal(plan(0).reason, plan(ALMOST_ONE).reason);
  return [Math.min(first ?? NaN, second ?? NaN), Math.max(first ?? NaN, second ?? NaN), plan(0).reason];
}

describe('after a success, the advisory window decides', () => {
  const rows: [what: string, of: Case, shortest: number, longest: number][] = [
    ['3 min, all of it in the window', { lifetime: 3 * MINUTE }, 36, 45],
    ['15 min', { lifetime: 15 * MINUTE }, 480, 600],
    ['20 min, the last with 5 min', { lifetime: 20 * MINUTE }, 720, 900],
    ['just over 20 min', { lifetime: 20 * MINUTE + SECOND }, 241, 301],
    ['1 h', { lifetime: HOUR }, 2160, 2700],
    ['just under 90 min', { lifetime: 90 * MINUTE - SECOND }, 3599, 4499],
    ['90 min, the first with 60 min', { lifetime: 90 * MINUTE }, 1440, 1800],
    ['6 h', { lifetime: 6 * HOUR }, 14_400, 18_000],
    ['12 h', { lifetime: 12 * HOUR }, 31_680, 39_600],
    ['6 h, 2 h left', { lifetime: 6 * HOUR, left: 2 * HOUR }, 2880, 3600],
    [
      'before_expiry instead',
      { lifetime: 6 * HOUR, refresh: { ...LIFE_ONLY, beforeExpiry: HOUR / 2 } },
      15_840,
      19_800,
    ],
  ];
  for (const [what, of, shortest, longest] of rows) {
    test(what, () => {
      assert.deepEqual(waits(of), [shortest, longest, 'advisory']);
    });
  }
});

describe('the same credentials within the window: at a steady pace, several times before the end', () => {
  const rows: [left: number, shortest: number, longest: number][] = [
    [60 * MINUTE, 48, 60],
    [4 * MINUTE, 48, 60],
    [2 * MINUTE, 24, 30],
    [20 * SECOND, 4, 5],
    [10 * SECOND, 4, 5],
    [6 * SECOND, 2, 3],
    [SECOND, 1, 1],
    [0, 8, 10],
    [-HOUR, 8, 10],
  ];
  for (const [left, shortest, longest] of rows) {
    test(`${left / SECOND} s left`, () => {
      assert.deepEqual(waits({ lifetime: 6 * HOUR, left }), [shortest, longest, 'advisory']);
    });
  }

  test('three tries or more, and not dozens, in the window of every lifetime', () => {
    for (const lifetime of [3 * MINUTE, 15 * MINUTE, HOUR, 6 * HOUR, 12 * HOUR]) {
      const expiration = NOW + lifetime;
      let tries = 0;
      for (let now = NOW; now < expiration; tries++) {
        now = planNext({ now, refresh: LIFE_ONLY, current: { expiration, lifetime }, failures: 0, random: 0.5 }).at;
      }
      assert.ok(tries >= 4 && tries <= 100, `${tries} tries in ${lifetime / MINUTE} min`);
    }
  });
});

describe('the ceiling', () => {
  test('comes first with its defaults, over the last fifth', () => {
    assert.deepEqual(waits({ lifetime: 6 * HOUR, refresh: DEFAULTS }), [240, 300, 'max_interval']);
  });

  test('gives way to a window that is nearer', () => {
    assert.deepEqual(waits({ lifetime: 15 * MINUTE, left: 7 * MINUTE, refresh: DEFAULTS }), [96, 120, 'advisory']);
  });

  test('holds where nothing stands', () => {
    const plan = planNext({ now: NOW, refresh: DEFAULTS, failures: 0, random: 0.5 });
    assert.deepEqual(plan, { at: NOW + 270 * SECOND, waitMs: 270 * SECOND, reason: 'max_interval' });
  });
});

describe('the cron pattern', () => {
  test('adds a pass, up to ten seconds after it matches', () => {
    const nextMatch = (after: number) => after + 90 * SECOND;
    assert.deepEqual(waits({ lifetime: 6 * HOUR, refresh: DEFAULTS, nextMatch }), [90, 100, 'schedule']);
  });

  test('takes none away', () => {
    const nextMatch = (after: number) => after + HOUR;
    assert.deepEqual(waits({ lifetime: 6 * HOUR, refresh: DEFAULTS, nextMatch }), [240, 300, 'max_interval']);
    assert.deepEqual(waits({ lifetime: 15 * MINUTE, nextMatch }), [480, 600, 'advisory']);
  });

  test('may have no match any more', () => {
    const nextMatch = () => undefined;
    assert.deepEqual(waits({ lifetime: 6 * HOUR, refresh: DEFAULTS, nextMatch }), [240, 300, 'max_interval']);
  });

  test('does not break the backoff', () => {
    const nextMatch = (after: number) => after + SECOND;
    assert.deepEqual(waits({ lifetime: 6 * HOUR, failures: 20, nextMatch }), [1, 300, 'retry']);
  });
});

describe('after a failure', () => {
  const rows: [what: string, of: Case, longest: number][] = [
    ['the first', { lifetime: 6 * HOUR, failures: 1 }, 2],
    ['the second', { lifetime: 6 * HOUR, failures: 2 }, 4],
    ['the sixth', { lifetime: 6 * HOUR, failures: 6 }, 64],
    ['hours of it, 6 h', { lifetime: 6 * HOUR, left: 3 * HOUR, failures: 60 }, 300],
    ['hours of it, 12 h', { lifetime: 12 * HOUR, left: 2 * HOUR, failures: 2000 }, 300],
    ['15 min, outside the window', { lifetime: 15 * MINUTE, left: 10 * MINUTE, failures: 60 }, 150],
    ['1 h, outside the window', { lifetime: HOUR, left: 16 * MINUTE, failures: 60 }, 240],
    ['1 h, in the window', { lifetime: HOUR, left: 14 * MINUTE, failures: 60 }, 60],
    ['6 h, in the window', { lifetime: 6 * HOUR, left: 50 * MINUTE, failures: 60 }, 60],
    ['3 min', { lifetime: 3 * MINUTE, left: 2 * MINUTE, failures: 60 }, 30],
    ['the last seconds', { lifetime: HOUR, left: 10 * SECOND, failures: 60 }, 3],
    ['expired', { lifetime: HOUR, left: -HOUR, failures: 60 }, 10],
    ['just expired', { lifetime: HOUR, left: 0, failures: 1 }, 2],
    [
      'before_expiry is the window',
      { lifetime: HOUR, failures: 60, refresh: { ...LIFE_ONLY, beforeExpiry: HOUR } },
      300,
    ],
    ['a lower ceiling', { lifetime: HOUR, failures: 60, refresh: { maxInterval: 20 * SECOND } }, 20],
  ];
  for (const [what, of, longest] of rows) {
    test(`${what}: from 1 s to ${longest} s`, () => {
      assert.deepEqual(waits(of), [1, longest, 'retry']);
    });
  }

  for (const [failures, longest] of [
    [1, 2],
    [3, 8],
    [100, 10],
  ] as const) {
    test(`where nothing stands, ${failures} in a row: up to ${longest} s`, () => {
      const wait = (random: number) => planNext({ now: NOW, refresh: DEFAULTS, failures, random }).at - NOW;
      assert.equal(wait(0), SECOND);
      assert.equal(Math.ceil(wait(ALMOST_ONE) / SECOND), longest);
    });
  }
});
