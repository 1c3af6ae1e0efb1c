import type { TestContext } from 'node:test';
import type { ConsumerOutcome } from '../../src/core/outcomes.ts';
import type { NotifyRequest, NotifyResult } from '../../src/notify/contract.ts';
import { Deliverer, type DeliverDeps } from '../../src/rotation/deliver.ts';
import { notePending } from '../../src/rotation/pending.ts';
import { memoryOf } from '../../src/rotation/state.ts';
import { StateStore } from '../../src/rotation/store.ts';
import { HOUR, NOON } from '../support/credentials.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { ownDirectory } from '../support/own.ts';
import { stateWith } from '../support/state.ts';
import { tempDir } from '../support/temp-dir.ts';
import { configOf, execConsumer, jsonSink, recordingLog } from '../support/topology.ts';

export const TOLD: NotifyResult = { result: 'notified', detail: 'done' };
export const FAILED: NotifyResult = {
  result: 'pending',
  kind: 'later',
  error: { code: 'CONSUMER_FAILED', message: 'no' },
};
/** A process whose reads leave no trace. */
export const HIDDEN = 666;
export const BOOT = { bootId: 'this', sinceBoot: 100 };
export const NO_FAILURES: ReadonlySet<string> = new Set();

export const config = configOf(
  [jsonSink('/a', 'web', 'slow'), jsonSink('/b', 'job')],
  [execConsumer('web'), execConsumer('slow'), execConsumer('job', { when: 'expiring' })],
);

/** Whatever was sent is survived, and nobody is looked for. */
export const UNWATCHED: Pick<DeliverDeps, 'dryRun' | 'watch'> = {
  dryRun: () => Promise.resolve({ action: 'SIGHUP', processes: [], result: { result: 'not_running', detail: 'gone' } }),
  watch: (_, { detail }) => Promise.resolve({ result: 'notified', detail }),
};

interface Stage {
  readonly clock: FakeClock;
  readonly store: StateStore;
  readonly notified: readonly NotifyRequest[];
  readonly outcomes: readonly ConsumerOutcome[];
  readonly deliverer: Deliverer;
  readonly directory: string;
}

export function setUp(
  context: TestContext,
  answer: (request: NotifyRequest) => NotifyResult | Promise<NotifyResult>,
  change: Partial<DeliverDeps> = {},
): Stage {
  const directory = tempDir(context);
  const clock = new FakeClock(NOON);
  const store = StateStore.open(ownDirectory(directory), recordingLog());
  const notified: NotifyRequest[] = [];
  const outcomes: ConsumerOutcome[] = [];
  const deliverer = new Deliverer(
    {
      clock,
      store,
      readBootTime: () => ({ bootId: 'this', sinceBoot: clock.now() }),
      notify: (request) => {
        notified.push(request);
        return Promise.resolve(answer(request));
      },
      ...UNWATCHED,
      readsShow: (pid) => pid !== HIDDEN,
      onOutcome: (outcome) => outcomes.push(outcome),
      ...change,
    },
    config,
  );
  context.after(() => deliverer.stop());
  return { clock, store, notified, outcomes, deliverer, directory };
}

/** A rotation whose sinks are written. */
export async function rotate(
  store: StateStore,
  sinks: readonly string[],
  { urgent = false, now = NOON } = {},
): Promise<void> {
  await store.update((state) => {
    const generation = memoryOf(state, 'instance').generation + 1;
    const current = { fingerprint: '', keyId: '', expiration: now + 6 * HOUR, lifetime: 6 * HOUR, fetchedAt: now };
    const record = {
      key: '0'.repeat(32),
      expiration: now + 6 * HOUR,
      inode: '1',
      size: '1',
      ctimeNs: '1',
      mode: 0,
      uid: 0,
      gid: 0,
      renamedAt: now,
    };
    const records = Object.fromEntries(sinks.map((path) => [path, { ...record, renamedAtBoot: BOOT }]));
    const entered = stateWith({ generation, current }, { ...state, sinks: { ...state.sinks, ...records } });
    return notePending(entered, config, { source: 'instance', sinks, now, urgent });
  });
}

export const names = (requests: readonly NotifyRequest[]): string[] => requests.map((request) => request.consumer.name);
