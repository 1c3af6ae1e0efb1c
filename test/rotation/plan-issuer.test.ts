import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RefreshConfig } from '../../src/core/config.ts';
import { firstWait, issueAt, planNext, type PlanInput } from '../../src/rotation/plan.ts';

/** The plan of a source whose every call is one of a quota that all hosts of an account share. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const NOW = Date.parse('2026-05-01T00:00:00Z');
const ALMOST_ONE = 1 - Number.EPSILON;
const LIFE_ONLY: RefreshConfig = { maxInterval: 1000 * HOUR };
const DEFAULTS: RefreshConfig = { maxInterval: 5 * MINUTE };

type Issuer = NonNullable<PlanInput['issuer']>;

interface Failing {
  readonly failures: number;
  readonly retry?: Issuer['retry'];
  /** Undefined: there never was a session. */
  readonly left?: number;
}

/** The shortest and the longest wait over all jitter, in seconds. */
function waits({ failures, retry, left }: Failing): [shortest: number, longest: number] {
  const wait = (random: number): number => {
    const current = left === undefined ? {} : { current: { expiration: NOW + left, lifetime: HOUR } };
    const plan = planNext({ now: NOW, refresh: DEFAULTS, ...current, failures, issuer: { spread: 0, retry }, random });
    assert.equal(plan.reason, 'retry');
    return Math.round(plan.waitMs / SECOND);
  };
  const ends = [wait(0), wait(ALMOST_ONE)];
  return [Math.min(...ends), Math.max(...ends)];
}

describe('a session', () => {
  const current = { expiration: NOW + HOUR, lifetime: HOUR };
  const plan = (refresh: RefreshConfig, spread: number) =>
    planNext({ now: NOW, refresh, current, failures: 0, issuer: { spread }, random: 0.5 });

  test('is replaced by its own expiration alone, on each host at another moment', () => {
    assert.deepEqual(
      [0, 0.5, 1].map((spread) => plan(LIFE_ONLY, spread).waitMs / MINUTE),
      [45, 39, 33],
    );
    assert.equal(plan(LIFE_ONLY, 0).reason, 'advisory');
  });

  test('is not replaced at the ceiling, where its files are looked at', () => {
    const { at, reason } = plan(DEFAULTS, 1);
    assert.equal(reason, 'max_interval');
    assert.ok(at < issueAt(current, DEFAULTS, 1));
    assert.equal(issueAt(current, DEFAULTS, 1), issueAt(current, LIFE_ONLY, 1));
  });

  test('of the shortest kind lives for half of its time at least before it is replaced', () => {
    const short = { expiration: NOW + 15 * MINUTE, lifetime: 15 * MINUTE };
    const refresh = { ...LIFE_ONLY, beforeExpiry: HOUR };
    assert.equal(issueAt(short, refresh, 0) - NOW, 7.5 * MINUTE);
    assert.equal(issueAt(short, refresh, 1) - NOW, 4.5 * MINUTE);
  });
});

describe('the first call of a process', () => {
  const issuer = { spread: 0 };
  const refresh = DEFAULTS;
  const fresh = { expiration: NOW + 15 * MINUTE + 1, lifetime: HOUR };
  const due = { expiration: NOW + 15 * MINUTE, lifetime: HOUR };
  const expired = { expiration: NOW, lifetime: HOUR };

  test('is spread over half a minute where a session is to be made', () => {
    for (const current of [undefined, expired, due]) {
      const first = (random: number) => firstWait({ now: NOW, refresh, issuer, random, ...(current && { current }) });
      assert.deepEqual([first(0), first(0.5), Math.round(first(ALMOST_ONE))], [0, 15 * SECOND, 30 * SECOND]);
    }
  });

  test('waits for nothing where one is good, or where the source is of this host alone', () => {
    assert.equal(firstWait({ now: NOW, refresh, issuer, random: 0.5, current: fresh }), 0);
    assert.equal(firstWait({ now: NOW, refresh, random: 0.5 }), 0);
  });
});

describe('after a failure', () => {
  const rows: [what: string, of: Failing, shortest: number, longest: number][] = [
    ['without a session, the first', { failures: 1 }, 1, 60],
    ['without a session, the hundredth', { failures: 100 }, 1, 60],
    ['after the session', { failures: 3, left: 0 }, 1, 60],
    ['throttled without a session', { failures: 1, retry: 'throttled' }, 1, 60],
    ['refused without a session', { failures: 1, retry: 'later' }, 240, 300],
    ['refused for days', { failures: 1000, retry: 'later', left: -50 * HOUR }, 240, 300],
    ['refused while a session lives', { failures: 1, retry: 'later', left: 50 * MINUTE }, 240, 300],
    ['refused while it lives for a minute', { failures: 1, retry: 'later', left: MINUTE }, 60, 60],
    ['while a session lives, the first', { failures: 1, left: 40 * MINUTE }, 1, 2],
    ['while a session lives, the fourth', { failures: 4, left: 40 * MINUTE }, 1, 16],
    ['while a session lives, the hundredth', { failures: 100, left: 40 * MINUTE }, 1, 300],
    ['while it lives for eight minutes', { failures: 100, left: 8 * MINUTE }, 1, 120],
    [
      'throttled while a session lives: slower at once',
      { failures: 1, retry: 'throttled', left: 40 * MINUTE },
      150,
      300,
    ],
    ['throttled while it lives for eight minutes', { failures: 1, retry: 'throttled', left: 8 * MINUTE }, 60, 120],
  ];
  for (const [what, of, shortest, longest] of rows) {
    test(`${what}: from ${shortest} s to ${longest} s`, () => {
      assert.deepEqual(waits(of), [shortest, longest]);
    });
  }
});
