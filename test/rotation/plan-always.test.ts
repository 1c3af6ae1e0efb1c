import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { planNext, type PlanInput } from '../../src/rotation/plan.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const NOW = Date.parse('2026-05-01T00:00:00Z');

describe('whatever happens', () => {
  const duration = fc.integer({ min: 1, max: 40 * HOUR });
  const input: fc.Arbitrary<PlanInput> = fc
    .record(
      {
        current: fc.record({
          expiration: fc.integer({ min: NOW - 40 * HOUR, max: NOW + 40 * HOUR }),
          lifetime: duration,
        }),
        refresh: fc.record({ maxInterval: duration, beforeExpiry: duration }, { requiredKeys: ['maxInterval'] }),
        failures: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5000 })),
        random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        nextMatch: fc.option(duration, { nil: undefined }).map((wait) => (after: number) => wait && after + wait),
      },
      { requiredKeys: ['refresh', 'failures', 'random'] },
    )
    .map((fields) => ({ now: NOW, ...fields }));

  test('no wait is shorter than a second or longer than the ceiling, and all end on a whole millisecond', () => {
    fc.assert(
      fc.property(input, (given) => {
        const { at } = planNext(given);
        assert.ok(Number.isInteger(at));
        assert.ok(at >= NOW + SECOND);
        assert.ok(at <= NOW + Math.max(SECOND, given.refresh.maxInterval));
      }),
    );
  });

  test('no wait ends after the expiration while there is a second left', () => {
    fc.assert(
      fc.property(input, (given) => {
        const { expiration } = given.current ?? {};
        fc.pre(expiration !== undefined && expiration >= NOW + SECOND);
        assert.ok(planNext(given).at <= expiration);
      }),
    );
  });

  test('after a failure, no wait takes more than a quarter of what is left, or a second', () => {
    fc.assert(
      fc.property(input, (given) => {
        const left = (given.current?.expiration ?? NOW) - NOW;
        fc.pre(given.failures > 0 && left > 0);
        assert.ok(planNext(given).at - NOW <= Math.max(SECOND, left / 4));
      }),
    );
  });
});
