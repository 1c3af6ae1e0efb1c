import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Sent } from '../../src/notify/contract.ts';
import { notePending, noteManual } from '../../src/rotation/pending.ts';
import { readState, StateStore } from '../../src/rotation/store.ts';
import { NOON } from '../support/credentials.ts';
import { ownDirectory } from '../support/own.ts';
import { execConsumer, recordingLog } from '../support/topology.ts';
import { BOOT, config, names, NO_FAILURES, rotate, setUp } from './delivery.ts';

const SENT: Sent = {
  at: BOOT,
  detail: 'SIGHUP to pid 7',
  processes: [{ pid: 7, startedAt: 3, uid: 0, file: '1:2:3', session: 7, group: '0::/x' }],
  endsIt: false,
  isPartial: false,
};
const ENDED = {
  result: 'ended',
  error: { code: 'CONSUMER_ENDED', message: 'pid 7: expected to go on, got its end', hint: 'restart it' },
} as const;
const sends = () => ({ result: 'sent', sent: SENT }) as const;

describe('what was sent', () => {
  test('is on disk while it is watched, and the notification is pending until it is survived', async (t) => {
    const watched = Promise.withResolvers<undefined>();
    const stage = setUp(t, sends, {
      watch: async (_, { detail }) => {
        await watched.promise;
        return { result: 'notified', detail, processes: [7] };
      },
    });
    await rotate(stage.store, ['/b']);
    stage.deliverer.kick(config, NO_FAILURES);
    const onDisk = () => readState(ownDirectory(stage.directory)).consumers['job'];
    while (onDisk()?.pending?.sent === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(onDisk()?.pending?.sent, SENT);
    watched.resolve(undefined);
    await stage.deliverer.triedAllDue();
    assert.equal(onDisk()?.pending, undefined);
    assert.deepEqual(onDisk()?.matched, ['1:2:3=7@3'], 'it is known to be meant');
    assert.equal(stage.outcomes.at(-1)?.result, 'notified');
  });

  test('is watched on by the next process, and not sent twice', async (t) => {
    const first = setUp(t, sends, { watch: (_, __, signal) => aborted(signal) });
    await rotate(first.store, ['/b']);
    first.deliverer.kick(config, NO_FAILURES);
    while (first.store.state.consumers['job']?.pending?.sent === undefined)
      await new Promise((resolve) => setTimeout(resolve, 1));
    await first.deliverer.stop();
    const seen: Sent[] = [];
    const second = setUp(t, sends, {
      store: StateStore.open(ownDirectory(first.directory), recordingLog()),
      watch: (_, sent) => {
        seen.push(sent);
        return Promise.resolve({ result: 'notified', detail: sent.detail });
      },
    });
    second.deliverer.kick(config, NO_FAILURES);
    await second.deliverer.triedAllDue();
    assert.deepEqual(seen, [SENT]);
    assert.deepEqual(second.notified, []);
    assert.equal(second.outcomes.at(-1)?.result, 'notified');
  });

  test('says nothing of what became pending meanwhile', async (t) => {
    const stage = setUp(t, sends, {
      watch: async (_, { detail }) => {
        const change = { source: 'instance', sinks: ['/b'], now: NOON, urgent: true };
        if (stage.notified.length === 1) await stage.store.update((state) => notePending(state, config, change));
        return { result: 'notified', detail };
      },
    });
    await rotate(stage.store, ['/b']);
    stage.deliverer.kick(config, NO_FAILURES);
    await stage.deliverer.triedAllDue();
    assert.equal(stage.notified.length, 2);
    assert.equal(stage.store.state.consumers['job']?.pending, undefined);
  });
});

describe('a consumer that ended', () => {
  test('stays pending and gets nothing more, while a successor is looked for', async (t) => {
    let running = false;
    const stage = setUp(t, sends, {
      watch: () => Promise.resolve(ENDED),
      dryRun: () =>
        Promise.resolve({
          action: 'SIGHUP',
          processes: [],
          result: running ? { result: 'started_since', detail: 'pid 8' } : { result: 'not_running', detail: 'gone' },
        }),
    });
    await rotate(stage.store, ['/b']);
    stage.deliverer.kick(config, NO_FAILURES);
    await stage.deliverer.triedAllDue();
    assert.partialDeepStrictEqual(stage.outcomes.at(-1), { name: 'job', result: 'ended', error: ENDED.error });
    assert.equal(stage.outcomes.at(-1)?.successor?.isRunning, false);
    running = true;
    await rotate(stage.store, ['/b']);
    stage.deliverer.kick(config, NO_FAILURES);
    await stage.deliverer.triedAllDue();
    const [last] = stage.deliverer.outcomes();
    assert.deepEqual([last?.result, last?.successor?.isRunning], ['ended', true]);
    assert.equal(stage.store.state.consumers['job']?.notifiedOf?.['instance']?.by, 'started_since');
    assert.equal(stage.notified.length, 1);
  });

  for (const [what, changed, asked, isLifted] of [
    ['a changed configuration', [execConsumer('job', { when: 'changed' })], [], true],
    ['being asked for by name', [], ['job'], true],
    ['being asked for with all others', [], undefined, false],
  ] as const) {
    test(`is ${isLifted ? '' : 'not '}notified again after ${what}`, async (t) => {
      let result: Awaited<ReturnType<typeof stage.store.update>> | typeof ENDED = ENDED;
      const stage = setUp(t, sends, {
        watch: (_, { detail }) => Promise.resolve(result ?? { result: 'notified', detail }),
      });
      await rotate(stage.store, ['/b']);
      stage.deliverer.kick(config, NO_FAILURES);
      await stage.deliverer.triedAllDue();
      result = undefined;
      const next = changed.length > 0 ? { ...config, consumers: [...changed] } : config;
      if (changed.length === 0)
        await stage.store.update((state) => noteManual(state, config, { source: 'instance', now: NOON, names: asked }));
      stage.clock.advance(600_000);
      stage.deliverer.kick(next, NO_FAILURES);
      await stage.deliverer.triedAllDue();
      const [outcome] = stage.deliverer.outcomes().filter(({ name }) => name === 'job');
      assert.equal(outcome?.result, isLifted ? 'notified' : 'ended');
      assert.equal(names(stage.notified).filter((name) => name === 'job').length, isLifted ? 2 : 1);
    });
  }
});

test('consumers of the same sink are notified in their order', async (t) => {
  const order: string[] = [];
  const stage = setUp(
    t,
    ({ consumer }) => {
      order.push(`${consumer.name} asked`);
      return { result: 'sent', sent: { ...SENT, detail: consumer.name } };
    },
    {
      watch: async (consumer, { detail }) => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        order.push(`${consumer.name} done`);
        return { result: 'notified', detail };
      },
    },
  );
  const ordered = { ...config, consumers: [execConsumer('web', { after: ['slow'] }), execConsumer('slow')] };
  await rotate(stage.store, ['/a']);
  stage.deliverer.kick(ordered, NO_FAILURES);
  await stage.deliverer.triedAllDue();
  assert.deepEqual(order, ['slow asked', 'slow done', 'web asked', 'web done']);
});

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => {
      reject(new Error('aborted'));
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
  });
}
