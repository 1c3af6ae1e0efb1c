import assert from 'node:assert/strict';
import { ownDirectory } from '../support/own.ts';
import { describe, test } from 'node:test';
import type { NotifyRequest, NotifyResult } from '../../src/notify/contract.ts';
import { Deliverer } from '../../src/rotation/deliver.ts';
import { noteManual } from '../../src/rotation/pending.ts';
import { StateStore } from '../../src/rotation/store.ts';
import { HOUR, NOON } from '../support/credentials.ts';
import { eventually } from '../support/eventually.ts';
import { execConsumer, recordingLog } from '../support/topology.ts';
import { config, FAILED, names, NO_FAILURES, rotate, setUp, UNWATCHED, TOLD } from './delivery.ts';

describe('the end of a pending notification', () => {
  test('an absent one is looked for again for half a minute, then counts as notified', async (t) => {
    const { clock, store, notified, deliverer } = setUp(t, () => ({ result: 'not_running', detail: 'no pid file' }));
    await rotate(store, ['/b']);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    assert.equal(deliverer.outcomes()[0]?.result, 'not_running');
    const seen = notified.length;
    clock.advance(31_000);
    await eventually('looked for again', () => notified.length > seen);
    await eventually('settled', () => store.state.consumers['job']?.pending === undefined);
    assert.equal(store.state.consumers['job']?.notifiedOf?.['instance']?.generation, 1);
  });

  test('one asked for by a person is notified in any case', async (t) => {
    const { store, notified, deliverer } = setUp(t, () => TOLD);
    await store.update((state) => noteManual(state, config, { source: 'instance', now: NOON }));
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    assert.deepEqual(
      notified.map((request) => [request.reason, 'changedAt' in request]),
      Array(3).fill(['manual', false]),
    );
  });

  test('draining gives those that are just starting some seconds', async (t) => {
    const { clock, store, notified, deliverer } = setUp(t, () => (notified.length < 3 ? FAILED : TOLD));
    await rotate(store, ['/b']);
    deliverer.kick(config, NO_FAILURES);
    const drained = deliverer.drain(5000);
    const done = drained.then(() => true);
    while (notified.length < 3) {
      await eventually('an alarm or the third', () => clock.alarms.length > 0 || notified.length === 3);
      clock.advance(500);
      await deliverer.triedAllDue();
    }
    assert.equal(await done, true);
    assert.deepEqual(
      deliverer.outcomes().map((outcome) => outcome.result),
      ['notified'],
    );
  });

  test('draining gives up in time, and what is pending stays', async (t) => {
    const { clock, store, deliverer } = setUp(t, () => FAILED);
    await rotate(store, ['/b']);
    deliverer.kick(config, NO_FAILURES);
    const progress = { isOver: false };
    const drained = deliverer.drain(2000).then(() => {
      progress.isOver = true;
    });
    while (!progress.isOver) {
      await eventually('an alarm or the end', () => progress.isOver || clock.alarms.length > 0);
      clock.advance(500);
      await deliverer.triedAllDue();
    }
    await drained;
    assert.ok(clock.now() - NOON < 4000);
    assert.ok(store.state.consumers['job']?.pending);
  });

  test('what was pending when we were killed is paid by the next process', async (t) => {
    const first = setUp(t, () => new Promise<NotifyResult>(() => undefined));
    await rotate(first.store, ['/b']);
    const second = StateStore.open(ownDirectory(first.directory), recordingLog());
    const notified: NotifyRequest[] = [];
    const deliverer = new Deliverer(
      {
        clock: first.clock,
        store: second,
        readBootTime: () => ({ bootId: 'another', sinceBoot: 0 }),
        notify: (request) => {
          notified.push(request);
          return Promise.resolve(TOLD);
        },
        ...UNWATCHED,
        readsShow: () => false,
        onOutcome: () => undefined,
      },
      config,
    );
    deliverer.kick(config, NO_FAILURES);
    await deliverer.triedAllDue();
    assert.deepEqual(names(notified), ['job']);
  });
});

describe('a unit that would be restarted', () => {
  const auto = { ...config, consumers: [execConsumer('job', { when: 'auto' })] };

  test('is notified when to wait until, and is tried again then', async (t) => {
    const { clock, store, notified, deliverer } = setUp(t, ({ noRestartBefore = 0 }) =>
      noRestartBefore > clock.now() ? { result: 'scheduled', detail: 'cannot reload', until: noRestartBefore } : TOLD,
    );
    await rotate(store, ['/b']);
    deliverer.kick(auto, NO_FAILURES);
    await deliverer.triedAllDue();
    assert.equal(notified[0]?.noRestartBefore, 0, 'it knows nothing yet');
    await rotate(store, ['/b']);
    deliverer.kick(auto, NO_FAILURES);
    await deliverer.triedAllDue();
    assert.equal(notified[1]?.noRestartBefore, NOON + 4 * HOUR);
    assert.deepEqual(deliverer.outcomes(), [
      { name: 'job', result: 'scheduled', generation: 2, detail: 'cannot reload', dueAt: NOON + 4 * HOUR },
    ]);
    clock.advance(4 * HOUR);
    await eventually('notified then', () => store.state.consumers['job']?.pending === undefined);
    assert.equal(notified.length, 3);
  });
});

test('when a sink changed is unknown after a kill: its consumer is notified in any case', async (t) => {
  const { store, notified, deliverer } = setUp(t, () => TOLD);
  await rotate(store, ['/b']);
  await store.update((state) => ({ ...state, sinks: {} }));
  deliverer.kick(config, NO_FAILURES);
  await deliverer.triedAllDue();
  assert.equal(notified.length, 1);
  assert.equal(notified[0]?.changedAt, undefined);
});
