import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ConsumerConfig, SinkConfig } from '../../src/core/config.ts';
import {
  dueAt,
  generationOf,
  noteManual,
  notePending,
  noteRenewed,
  spreadOf,
  type Surroundings,
  type Topology,
} from '../../src/rotation/pending.ts';
import type { AgentState, ConsumerState } from '../../src/rotation/state.ts';
import { HOUR, NOON } from '../support/credentials.ts';
import { stateWith } from '../support/state.ts';

const sink = (path: string, ...notify: string[]): SinkConfig => ({
  path,
  source: 'instance',
  format: 'json',
  content: { shape: 'imds' },
  mode: 0o600,
  notify,
});
const consumer = (name: string, when: ConsumerConfig['when'] = 'changed'): ConsumerConfig => ({
  name,
  when,
  type: 'exec',
  command: ['/bin/true'],
  timeout: 1000,
});

const config: Topology = {
  sinks: [sink('/a', 'web', 'job'), sink('/b', 'web'), sink('/c')],
  consumers: [consumer('web'), consumer('job', 'expiring'), consumer('idle')],
};
const around: Surroundings = {
  sinks: [sink('/a', 'web', 'x')],
  failedSinks: new Set(),
  bootId: 'this',
  clockSkews: {},
  spread: 0,
};
const state: AgentState = stateWith({ generation: 4 });
const known = { generation: 3, at: NOON - HOUR, expiration: NOON + 5 * HOUR, lifetime: 6 * HOUR };
const notifiedOf = { instance: known };
const source = 'instance';

describe('who is to be notified', () => {
  test('the consumers of the changing sinks, each once, with those sinks alone', () => {
    const { consumers } = notePending(state, config, { source, sinks: ['/a', '/c'], now: NOON, urgent: false });
    assert.deepEqual(Object.keys(consumers), ['web', 'job']);
    const web = consumers['web']?.pending;
    assert.deepEqual(web?.sinks, ['/a']);
    assert.equal(web.reason, 'first');
  });

  test('sinks that change while a notification is pending join it, and it is tried at once', () => {
    const first = notePending(state, config, { source, sinks: ['/a'], now: NOON, urgent: true });
    const tried: ConsumerState = { pending: { ...pendingOf(first, 'web'), attempts: 7, nextAttempt: NOON + HOUR } };
    const later = stateWith({ generation: 5 }, { ...first, consumers: { web: tried } });
    const pending = pendingOf(
      notePending(later, config, { source, sinks: ['/b'], now: NOON + 1, urgent: false }),
      'web',
    );
    assert.deepEqual(pending, {
      generations: { instance: 5 },
      reason: 'first',
      since: NOON,
      urgent: true,
      sinks: ['/a', '/b'],
      attempts: 0,
      nextAttempt: 0,
    });
  });

  test('a repair under credentials that it knows leaves nothing pending for a consumer that is spared', () => {
    const same = {
      ...state,
      consumers: { job: { notifiedOf: { instance: { ...known, generation: 4 } } }, web: { notifiedOf } },
    };
    const { consumers } = notePending(same, config, { source, sinks: ['/a'], now: NOON, urgent: false });
    assert.equal(consumers['job']?.pending, undefined);
    assert.equal(consumers['web']?.pending?.reason, 'changed');
  });

  test('for another expiration of the same keys, those that go by it, once, and not now', () => {
    const topology: Topology = {
      sinks: [
        sink('/a', 'web', 'keys'),
        { ...sink('/b', 'plain', 'job'), content: { keys: { role: ['r'] } } } as SinkConfig,
      ],
      consumers: ['web', 'plain', 'asked', 'late'].map((name) => consumer(name)).concat(consumer('job', 'expiring')),
    };
    const at = { instance: { ...known, generation: 4 } };
    const current = { fingerprint: '', keyId: '', expiration: NOON + 9 * HOUR, lifetime: 9 * HOUR, fetchedAt: NOON };
    const before = {
      ...stateWith({ current }, state),
      consumers: { web: { notifiedOf: at }, plain: { notifiedOf: at }, job: { notifiedOf: at }, late: { notifiedOf } },
    };
    const renewed = noteRenewed(before, topology, { source, now: NOON });
    const pending = (name: string) => renewed.consumers[name]?.pending;
    assert.deepEqual([pending('web')?.sinks, pending('job')?.sinks], [['/a'], ['/b #/r']]);
    assert.deepEqual(['plain', 'asked', 'late'].map(pending), [undefined, undefined, undefined]);
    const [web = assert.fail()] = topology.consumers;
    assert.equal(dueAt(web, renewed.consumers['web'] ?? {}, around), NOON + 3 * HOUR, 'with a third left');
    assert.deepEqual(
      noteRenewed(renewed, topology, { source, now: NOON + HOUR }),
      renewed,
      'a second one changes nothing',
    );
    const rotated = notePending(stateWith({ generation: 5 }, renewed), topology, {
      source,
      sinks: ['/a'],
      now: NOON,
      urgent: false,
    });
    assert.deepEqual(
      [rotated.consumers['web']?.pending?.reason, rotated.consumers['web']?.pending?.generations['instance']],
      ['changed', 5],
    );
  });

  test('of several sources, of each its generation, and what is known of the others stays', () => {
    const two = { ...state, sources: { ...state.sources, backup: { generation: 9, origin: {} } } };
    const first = notePending(two, config, { source, sinks: ['/a'], now: NOON, urgent: false });
    const both = notePending(first, config, { source: 'backup', sinks: ['/b'], now: NOON, urgent: false });
    const pending = pendingOf(both, 'web');
    assert.deepEqual([pending.generations, pending.sinks], [{ instance: 4, backup: 9 }, ['/a', '/b']]);
    assert.equal(generationOf(pending), 9);
    const job: ConsumerState = {
      pending: { ...pending, reason: 'changed' },
      notifiedOf: { instance: known, backup: { ...known, expiration: NOON + 2 * HOUR } },
    };
    const when = dueAt(consumer('x', 'expiring'), job, { ...around, clockSkews: { backup: 60_000 } });
    assert.equal(when, NOON + 60_000, 'the first that runs out, by the clock of its source');
  });

  test('everybody, when a person asks', () => {
    const { consumers } = noteManual(state, config, { source, now: NOON });
    assert.deepEqual(
      Object.entries(consumers).map(([name, own]) => [name, own.pending?.reason, own.pending?.urgent]),
      [
        ['web', 'manual', true],
        ['job', 'manual', true],
        ['idle', 'manual', true],
      ],
    );
  });
});

describe('when a notification is due', () => {
  const pending = pendingOf(notePending(state, config, { source, sinks: ['/a'], now: NOON, urgent: false }), 'web');
  const cases: [string, number, ConsumerConfig, ConsumerState, boolean][] = [
    ['nothing pending: never', Infinity, consumer('x'), { notifiedOf }, true],
    ['changed: at once', 0, consumer('x'), { notifiedOf, pending }, true],
    [
      'after a failed attempt: when its backoff is over',
      9,
      consumer('x'),
      { notifiedOf, pending: { ...pending, nextAttempt: 9 } },
      true,
    ],
    [
      'expiring: when a third of the known life is left',
      NOON + 3 * HOUR,
      consumer('x', 'expiring'),
      { notifiedOf, pending },
      true,
    ],
    [
      'expiring with before',
      NOON + 4 * HOUR,
      { ...consumer('x', 'expiring'), before: HOUR },
      { notifiedOf, pending },
      true,
    ],
    ['expiring that knows nothing: at once', 0, consumer('x', 'expiring'), { pending }, true],
    [
      'expiring and urgent: at once',
      0,
      consumer('x', 'expiring'),
      { notifiedOf, pending: { ...pending, urgent: true } },
      true,
    ],
    [
      'a sink is not current: held while it knows good ones',
      NOON + 3 * HOUR,
      consumer('x'),
      { notifiedOf, pending },
      false,
    ],
    ['a sink is not current, nothing known: half is better than nothing', 0, consumer('x'), { pending }, false],
  ];
  for (const [what, expected, who, known, areSinksCurrent] of cases) {
    test(what, () => {
      const failedSinks = new Set(areSinksCurrent ? [] : ['/a']);
      assert.equal(dueAt(who, known, { ...around, failedSinks }), expected);
    });
  }
});

// Cause: a group of instances that were started together would restart its service in one moment.
describe('200 hosts of a group', () => {
  const hosts = Array.from({ length: 200 }, (_, index) => index);
  const pending = pendingOf(notePending(state, config, { source, sinks: ['/a'], now: NOON, urgent: false }), 'web');
  const dueOn = (seed: string, instanceId: string): number => {
    const spread = spreadOf({ ...stateWith({ origin: { instanceId } }), seed });
    return dueAt(consumer('x', 'expiring'), { notifiedOf, pending }, { ...around, spread });
  };
  for (const [what, dueAll] of [
    ['with states of their own', hosts.map((host) => dueOn(`seed ${host}`, 'i-1'))],
    ['of one image, which has a state', hosts.map((host) => dueOn('seed', `i-${host}`))],
  ] as const) {
    test(`${what} restart over a tenth of the lifetime`, (t) => {
      const third = NOON + 3 * HOUR;
      const width = 0.1 * known.lifetime;
      const parts = new Array<number>(36).fill(0);
      for (const due of dueAll) {
        const part = Math.floor(((third - due) / width) * parts.length);
        assert.ok(part >= 0 && part < parts.length, `${due}`);
        parts[part] = (parts[part] ?? 0) + 1;
      }
      const minutes = (Math.max(...dueAll) - Math.min(...dueAll)) / 60_000;
      t.diagnostic(`over ${minutes.toFixed(1)} of 36 minutes, at most ${Math.max(...parts)} in one`);
      assert.ok(minutes > 33);
      assert.ok(Math.max(...parts) <= 15);
      assert.equal(dueOn('seed', 'i-7'), dueOn('seed', 'i-7'), 'a host keeps its moment');
    });
  }
});

function pendingOf(from: AgentState, name: string): NonNullable<ConsumerState['pending']> {
  const pending = from.consumers[name]?.pending;
  assert.ok(pending);
  return pending;
}
