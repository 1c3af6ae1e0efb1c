import assert from 'node:assert/strict';
import { ownDirectory } from '../support/own.ts';
import { describe, test } from 'node:test';
import { HOUR, NOON } from '../support/credentials.ts';
import { eventually } from '../support/eventually.ts';
import type { NotifyResult } from '../../src/notify/contract.ts';
import { StateStore } from '../../src/rotation/store.ts';
import { recordingLog } from '../support/topology.ts';
import { BOOT, config, FAILED, HIDDEN, names, NO_FAILURES, rotate, setUp, TOLD } from './delivery.ts';

describe('delivery', () => {
  test('a notification is delivered once, with what changed and when, and is gone from the disk', async (t) => {
    const { store, notified, deliverer, directory } = setUp(t, () => TOLD);
    await rotate(store, ['/a']);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    assert.deepEqual(names(notified), ['web', 'slow']);
    assert.deepEqual(notified[0], {
      consumer: config.consumers[0],
      generation: 1,
      reason: 'first',
      paths: ['/a'],
      changedAt: BOOT,
    });
    const { state } = StateStore.open(ownDirectory(directory), recordingLog());
    assert.equal(state.consumers['web']?.pending, undefined);
    assert.equal(state.consumers['web']?.notifiedOf?.['instance']?.generation, 1);
  });

  test('whether reads would show is remembered of processes that are known, and holds only if it does for all', async (t) => {
    for (const [processes, expected] of [
      [[4711], true],
      [[4711, HIDDEN], false],
      [undefined, undefined],
    ] as const) {
      const { store, deliverer } = setUp(t, () => ({
        result: 'notified',
        detail: 'done',
        ...(processes && { processes }),
      }));
      await rotate(store, ['/a']);
      deliverer.kick(config, NO_FAILURES);
      await deliverer.triedAllDue();
      assert.equal(store.state.consumers['web']?.notifiedOf?.['instance']?.traceable, expected);
    }
  });

  test('a consumer that hangs delays neither another nor the next rotation of that other', async (t) => {
    const hung = Promise.withResolvers<NotifyResult>();
    const { store, notified, outcomes, deliverer } = setUp(t, ({ consumer }) =>
      consumer.name === 'slow' ? hung.promise : TOLD,
    );
    for (const generation of [1, 2]) {
      await rotate(store, ['/a']);
      deliverer.kick(config, NO_FAILURES);
      await eventually('web is notified', () =>
        outcomes.some((one) => one.name === 'web' && one.generation === generation),
      );
    }
    assert.deepEqual(names(notified).toSorted(), ['slow', 'web', 'web']);
    hung.resolve(TOLD);
    await deliverer.triedAllDue();
    // It was notified of the first rotation while the second came: it is notified again.
    assert.deepEqual(names(notified).toSorted(), ['slow', 'slow', 'web', 'web']);
  });

  test('what fails because it was given up when we stopped is no attempt', async (t) => {
    const hung = Promise.withResolvers<NotifyResult>();
    const { store, outcomes, deliverer } = setUp(t, () => hung.promise);
    await rotate(store, ['/b']);
    const before = store.state.consumers;
    deliverer.kick(config, NO_FAILURES);
    const stopped = deliverer.stop();
    hung.resolve(FAILED);
    await stopped;
    assert.deepEqual([store.state.consumers, outcomes], [before, []]);
  });

  // Cause: of a dozen consumers on a file system that hangs, one was always being tried, and a one-shot waited for a minute.
  test('what is tried again meanwhile is not waited for', async (t) => {
    const first = Promise.withResolvers<NotifyResult>();
    const hung = Promise.withResolvers<NotifyResult>();
    const { clock, store, notified, deliverer } = setUp(t, ({ consumer }) =>
      consumer.name === 'slow' ? first.promise : notified.length <= 2 ? FAILED : hung.promise,
    );
    await rotate(store, ['/a']);
    deliverer.kick(config, NO_FAILURES);
    const settled = deliverer.triedAllDue();
    await eventually('web waits for its next try', () => clock.alarms.length > 0);
    clock.advance(1_000);
    await eventually('it is tried', () => notified.length === 3);
    first.resolve(TOLD);
    await settled;
    hung.resolve(TOLD);
  });

  test('a failure is tried again with a backoff that grows, and says retry', async (t) => {
    const { clock, store, notified, outcomes, deliverer } = setUp(t, () => (notified.length < 3 ? FAILED : TOLD));
    await rotate(store, ['/b']);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    const waits: number[] = [];
    while (clock.alarms[0] !== undefined) {
      waits.push(clock.alarms[0] - clock.now());
      clock.advance(clock.alarms[0] - clock.now());
      const seen = outcomes.length;
      await eventually('another attempt', () => outcomes.length > seen);
      await deliverer.triedAllDue();
    }
    assert.deepEqual(waits, [500, 1000]);
    assert.deepEqual(
      notified.map((request) => request.reason),
      ['first', 'retry', 'retry'],
    );
    assert.deepEqual(
      outcomes.map((outcome) => outcome.result),
      ['pending', 'pending', 'notified'],
    );
  });

  test('a kick while a failed one rests does not shorten its backoff', async (t) => {
    const { store, notified, deliverer } = setUp(t, () => FAILED);
    await rotate(store, ['/b']);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    assert.equal(notified.length, 1);
  });

  test('when: expiring waits for the last third of what the consumer knows', async (t) => {
    const { clock, store, notified, deliverer } = setUp(t, () => TOLD);
    await rotate(store, ['/b']);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    assert.equal(notified.length, 1, 'knows nothing yet: at once');
    await rotate(store, ['/b'], { now: NOON + HOUR });
    clock.advance(HOUR);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    assert.equal(notified.length, 1);
    assert.deepEqual(deliverer.outcomes(), [
      { name: 'job', result: 'scheduled', generation: 2, dueAt: NOON + 4 * HOUR },
    ]);
    clock.advance(3 * HOUR);
    await eventually('notified in time', () => notified.length === 2);
  });

  test('when: expiring is notified at once when role, account or instance changed', async (t) => {
    const { store, notified, deliverer } = setUp(t, () => TOLD);
    for (const urgent of [false, true]) {
      await rotate(store, ['/b'], { urgent });
      deliverer.kick(config, NO_FAILURES);
      await deliverer.triedAllDue();
    }
    assert.equal(notified.length, 2);
  });

  test('a consumer waits while one of its sinks does not stand', async (t) => {
    const { store, notified, deliverer } = setUp(t, () => TOLD);
    await rotate(store, ['/a']);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    await rotate(store, ['/a']);
    deliverer.kick(config, new Set(['/a']));
    await deliverer.triedAllDue();
    assert.equal(notified.length, 2, 'not yet');
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    assert.equal(notified.length, 4);
  });
});
