import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Config } from '../../src/core/config.ts';
import type { ConsumerOutcome } from '../../src/core/outcomes.ts';
import type { TellRequest, TellResult } from '../../src/notify/contract.ts';
import { Deliverer } from '../../src/rotation/deliver.ts';
import { oweAll, oweFor } from '../../src/rotation/owed.ts';
import { StateStore } from '../../src/rotation/store.ts';
import { createAtomicFiles } from '../../src/system/atomic-files.ts';
import { HOUR, NOON } from '../support/credentials.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { tempDir } from '../support/temp-dir.ts';
import { configOf, execConsumer, jsonSink, recordingLog } from '../support/topology.ts';

const TOLD: TellResult = { result: 'told', detail: 'done' };
const FAILED: TellResult = { result: 'pending', kind: 'later', error: { code: 'CONSUMER_FAILED', message: 'no' } };
const BOOT = { bootId: 'this', sinceBoot: 100 };
const NO_FAILURES: ReadonlySet<string> = new Set();

const config = configOf(
  [jsonSink('/a', 'web', 'slow'), jsonSink('/b', 'job')],
  [execConsumer('web'), execConsumer('slow'), execConsumer('job', { tell: 'expiring' })],
);

async function setUp(context: TestContext, answer: (request: TellRequest) => TellResult | Promise<TellResult>) {
  const directory = tempDir(context);
  const clock = new FakeClock(NOON);
  const store = await StateStore.open(directory, createAtomicFiles(), recordingLog());
  const told: TellRequest[] = [];
  const outcomes: ConsumerOutcome[] = [];
  const deliverer = new Deliverer(
    {
      clock,
      store,
      bootId: 'this',
      tell: (request) => {
        told.push(request);
        return Promise.resolve(answer(request));
      },
      onOutcome: (outcome) => outcomes.push(outcome),
    },
    config,
  );
  context.after(() => deliverer.stop());
  return { clock, store, told, outcomes, deliverer, directory };
}

/** A rotation whose sinks are written. */
async function rotate(store: StateStore, sinks: readonly string[], { urgent = false, now = NOON } = {}): Promise<void> {
  await store.update((state) => {
    const generation = state.generation + 1;
    const standing = { fingerprint: '', keyId: '', expiration: now + 6 * HOUR, lifetime: 6 * HOUR, fetchedAt: now };
    const record = { key: '', inode: '', size: '', ctimeNs: '', mode: 0, uid: 0, gid: 0, renamedAt: now };
    const records = Object.fromEntries(sinks.map((path) => [path, { ...record, renamedAtBoot: BOOT }]));
    const entered = { ...state, generation, standing, sinks: { ...state.sinks, ...records } };
    return oweFor(entered, config, { sinks, now, urgent });
  });
}

const names = (requests: readonly TellRequest[]): string[] => requests.map((request) => request.consumer.name);

describe('delivery', () => {
  test('a debt is paid once, with what changed and when, and is gone from the disk', async (t) => {
    const { store, told, deliverer, directory } = await setUp(t, () => TOLD);
    await rotate(store, ['/a']);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.settle();
    deliverer.kick(config, NO_FAILURES);
    await deliverer.settle();
    assert.deepEqual(names(told), ['web', 'slow']);
    assert.deepEqual(told[0], {
      consumer: config.consumers[0],
      generation: 1,
      reason: 'first',
      sinks: ['/a'],
      changedAt: BOOT,
    });
    const { state } = await StateStore.open(directory, createAtomicFiles(), recordingLog());
    assert.equal(state.consumers['web']?.owed, undefined);
    assert.equal(state.consumers['web']?.known?.generation, 1);
  });

  test('a consumer that hangs delays neither another nor the next rotation of that other', async (t) => {
    const hung = Promise.withResolvers<TellResult>();
    const { store, told, outcomes, deliverer } = await setUp(t, ({ consumer }) =>
      consumer.name === 'slow' ? hung.promise : TOLD,
    );
    for (const generation of [1, 2]) {
      await rotate(store, ['/a']);
      deliverer.kick(config, NO_FAILURES);
      await eventually('web is told', () =>
        outcomes.some((one) => one.name === 'web' && one.generation === generation),
      );
    }
    assert.deepEqual(names(told).toSorted(), ['slow', 'web', 'web']);
    hung.resolve(TOLD);
    await deliverer.settle();
    // It was told of the first rotation while the second came: it is told again.
    assert.deepEqual(names(told).toSorted(), ['slow', 'slow', 'web', 'web']);
  });

  test('a failure is tried again with a backoff that grows, and says retry', async (t) => {
    const { clock, store, told, outcomes, deliverer } = await setUp(t, () => (told.length < 3 ? FAILED : TOLD));
    await rotate(store, ['/b']);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.settle();
    const waits: number[] = [];
    while (clock.alarms[0] !== undefined) {
      waits.push(clock.alarms[0] - clock.now());
      clock.advance(clock.alarms[0] - clock.now());
      const seen = outcomes.length;
      await eventually('another attempt', () => outcomes.length > seen);
      await deliverer.settle();
    }
    assert.deepEqual(waits, [500, 1000]);
    assert.deepEqual(
      told.map((request) => request.reason),
      ['first', 'retry', 'retry'],
    );
    assert.deepEqual(
      outcomes.map((outcome) => outcome.result),
      ['pending', 'pending', 'told'],
    );
  });

  test('a kick while a failed one rests does not shorten its backoff', async (t) => {
    const { store, told, deliverer } = await setUp(t, () => FAILED);
    await rotate(store, ['/b']);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.settle();
    deliverer.kick(config, NO_FAILURES);
    await deliverer.settle();
    assert.equal(told.length, 1);
  });

  test('tell: expiring waits for the last third of what the consumer knows', async (t) => {
    const { clock, store, told, deliverer } = await setUp(t, () => TOLD);
    await rotate(store, ['/b']);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.settle();
    assert.equal(told.length, 1, 'knows nothing yet: at once');
    await rotate(store, ['/b'], { now: NOON + HOUR });
    clock.advance(HOUR);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.settle();
    assert.equal(told.length, 1);
    assert.deepEqual(deliverer.outcomes(), [{ name: 'job', result: 'waiting', generation: 2 }]);
    clock.advance(3 * HOUR);
    await eventually('told in time', () => told.length === 2);
  });

  test('tell: expiring is told at once when role, account or instance changed', async (t) => {
    const { store, told, deliverer } = await setUp(t, () => TOLD);
    for (const urgent of [false, true]) {
      await rotate(store, ['/b'], { urgent });
      deliverer.kick(config, NO_FAILURES);
      await deliverer.settle();
    }
    assert.equal(told.length, 2);
  });

  test('a consumer waits while one of its sinks does not stand', async (t) => {
    const { store, told, deliverer } = await setUp(t, () => TOLD);
    await rotate(store, ['/a']);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.settle();
    await rotate(store, ['/a']);
    deliverer.kick(config, new Set(['/a']));
    await deliverer.settle();
    assert.equal(told.length, 2, 'not yet');
    deliverer.kick(config, NO_FAILURES);
    await deliverer.settle();
    assert.equal(told.length, 4);
  });

  test('an absent one is looked for again for half a minute, then counts as told', async (t) => {
    const { clock, store, told, deliverer } = await setUp(t, () => ({ result: 'absent', detail: 'no pid file' }));
    await rotate(store, ['/b']);
    deliverer.kick(config, NO_FAILURES);
    await deliverer.settle();
    assert.equal(deliverer.outcomes()[0]?.result, 'absent');
    const seen = told.length;
    clock.advance(31_000);
    await eventually('looked for again', () => told.length > seen);
    await eventually('settled', () => store.state.consumers['job']?.owed === undefined);
    assert.equal(store.state.consumers['job']?.known?.generation, 1);
  });

  test('one asked for by a person is told in any case', async (t) => {
    const { store, told, deliverer } = await setUp(t, () => TOLD);
    await store.update((state) => oweAll(state, config, NOON));
    deliverer.kick(config, NO_FAILURES);
    await deliverer.settle();
    assert.deepEqual(
      told.map((request) => [request.reason, 'changedAt' in request]),
      Array(3).fill(['manual', false]),
    );
  });

  test('draining gives those that are just starting some seconds', async (t) => {
    const { clock, store, told, deliverer } = await setUp(t, () => (told.length < 3 ? FAILED : TOLD));
    await rotate(store, ['/b']);
    deliverer.kick(config, NO_FAILURES);
    const drained = deliverer.drain(5000);
    const done = drained.then(() => true);
    while (told.length < 3) {
      await eventually('an alarm or the third', () => clock.alarms.length > 0 || told.length === 3);
      clock.advance(500);
    }
    assert.equal(await done, true);
    assert.deepEqual(
      deliverer.outcomes().map((outcome) => outcome.result),
      ['told'],
    );
  });

  test('draining gives up in time, and what is owed stays', async (t) => {
    const { clock, store, deliverer } = await setUp(t, () => FAILED);
    await rotate(store, ['/b']);
    deliverer.kick(config, NO_FAILURES);
    let over = false;
    const drained = deliverer.drain(2000).then(() => {
      over = true;
    });
    while (!over) {
      await eventually('an alarm or the end', () => over || clock.alarms.length > 0);
      clock.advance(500);
    }
    await drained;
    assert.ok(clock.now() - NOON < 4000);
    assert.ok(store.state.consumers['job']?.owed);
  });

  test('what was owed when we were killed is paid by the next process', async (t) => {
    const first = await setUp(t, () => new Promise<TellResult>(() => undefined));
    await rotate(first.store, ['/b']);
    const second = await StateStore.open(first.directory, createAtomicFiles(), recordingLog());
    const told: TellRequest[] = [];
    const deliverer = new Deliverer(
      {
        clock: first.clock,
        store: second,
        bootId: 'another',
        tell: (request) => {
          told.push(request);
          return Promise.resolve(TOLD);
        },
        onOutcome: () => undefined,
      },
      config satisfies Config,
    );
    deliverer.kick(config, NO_FAILURES);
    await deliverer.settle();
    assert.deepEqual(names(told), ['job']);
  });
});
