import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tally } from '../../src/report/tally.ts';
import { NOON } from '../support/credentials.ts';
import { configOf, execConsumer, jsonSink } from '../support/topology.ts';
import { sinkOf, sourceOf, statusOf } from './status-parts.ts';

const LATER = new Date(NOON + 1).toISOString();
const config = configOf([jsonSink('/a', 'web'), jsonSink('/b')], [execConsumer('web')]);
const sink = { format: 'json', bytesChanged: false, drift: [], warnings: [] } as const;
const SOURCE = { name: 'instance', rotated: false, origin: {} } as const;
const good = { finishedAt: NOON, sources: [{ ...SOURCE, state: 'ok' }], sinks: [] } as const;

test('counts go on from a former status, as far as they concern what is configured', () => {
  const former = new Tally();
  former.sinks([
    { ...sink, path: '/a', result: 'written' },
    { ...sink, path: '/gone', result: 'repaired' },
    { ...sink, path: '/b', result: 'unchanged' },
  ]);
  former.request('200');
  former.notified('web', 'pending');
  former.notified('gone', 'notified');
  const past = former.with({ config, report: good });
  const tally = new Tally(statusOf({ counters: past.counters, lastSuccess: past.lastSuccess ?? '' }));
  tally.request('200');
  tally.request('failed');
  tally.notified('web', 'notified');
  const failing = { ...good, finishedAt: NOON + 1, sources: [{ ...SOURCE, state: 'stale' }] } as const;
  assert.deepEqual(tally.with({ config, report: failing }), {
    counters: {
      imdsRequests: { 200: 2, failed: 1 },
      sinkWrites: { '/a': 1, '/b': 0 },
      notifications: { web: { pending: 1, notified: 1 } },
    },
    lastSuccess: new Date(NOON).toISOString(),
    findings: [],
    since: { sources: { instance: LATER }, sinks: { '/a': LATER, '/b': LATER } },
  });
});

test('what is so at one pass after the other has been so since the first, in another process as well', () => {
  const error = { code: 'SINK_WRITE_FAILED', message: 'full' } as const;
  const passed = (finishedAt: number, state: 'ok' | 'stale', isGood: boolean) => ({
    config,
    report: {
      finishedAt,
      sources: [{ ...SOURCE, state }],
      sinks: ['/a', '/b'].map((path) => ({ ...sink, path, result: 'unchanged' as const, ...(!isGood && { error }) })),
    },
  });
  const tally = new Tally();
  const first = tally.with(passed(NOON, 'stale', false)).since;
  assert.deepEqual(tally.with(passed(NOON + 1, 'stale', false)).since, first);
  const status = statusOf({
    source: sourceOf({ state: 'stale', since: first.sources['instance'] ?? '' }),
    sinks: Object.entries(first.sinks).map(([path, since]) => sinkOf(path, { since })),
  });
  assert.deepEqual(new Tally(status).with(passed(NOON + 1, 'stale', false)).since, first);
  assert.deepEqual(tally.with(passed(NOON + 1, 'ok', true)).since, { sources: { instance: LATER }, sinks: {} });
});

test('a pass in which a sink failed is no success', () => {
  const error = { code: 'SINK_WRITE_FAILED', message: 'full' } as const;
  const report = { ...good, sinks: [{ ...sink, path: '/a', result: 'failed', error }] } as const;
  assert.equal(new Tally().with({ config, report }).lastSuccess, undefined);
});
