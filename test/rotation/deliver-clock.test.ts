import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HOUR, NOON } from '../support/credentials.ts';
import { execConsumer } from '../support/topology.ts';
import { config, FAILED, names, NO_FAILURES, rotate, setUp, TOLD } from './delivery.ts';

const DAY = 24 * HOUR;

describe('telling by a clock that is wrong', () => {
  test('a clock that is set back by a day prolongs no backoff', async (t) => {
    const { clock, store, notified, deliverer } = setUp(t, () => FAILED);
    await rotate(store, ['/b']);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    assert.equal(notified.length, 1);
    clock.advance(-DAY);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    assert.equal(notified.length, 2);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    assert.equal(notified.length, 2, 'once, and then by the new clock');
  });

  for (const [what, clockSkew] of [
    ['in 1970', -NOON],
    ['two days ahead', 2 * DAY],
  ] as const) {
    test(`when: expiring goes by the clock of the source, ours is ${what}`, async (t) => {
      const { clock, store, notified, deliverer } = setUp(t, () => TOLD);
      clock.advance(clockSkew);
      for (let rotations = 0; rotations < 2; rotations += 1) {
        await rotate(store, ['/b']);
        deliverer.kick(config, NO_FAILURES, { instance: clockSkew });
        await deliverer.triedAllDue();
      }
      assert.deepEqual(names(notified), ['job'], 'what it knows is good for hours');
      clock.advance(4 * HOUR);
      deliverer.kick(config, NO_FAILURES);
      await deliverer.triedAllDue();
      assert.deepEqual(names(notified), ['job', 'job']);
    });

    test(`so does when: auto, ours is ${what}`, async (t) => {
      const auto = { ...config, consumers: [execConsumer('job', { when: 'auto' })] };
      const { clock, store, notified, deliverer } = setUp(t, () => TOLD);
      clock.advance(clockSkew);
      for (let rotations = 0; rotations < 2; rotations += 1) {
        await rotate(store, ['/b']);
        deliverer.kick(auto, NO_FAILURES, { instance: clockSkew });
        await deliverer.triedAllDue();
      }
      assert.equal(notified[1]?.noRestartBefore, NOON + clockSkew + 4 * HOUR);
    });
  }
});
