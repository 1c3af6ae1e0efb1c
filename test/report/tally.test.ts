import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tally } from '../../src/report/tally.ts';
import { NOON } from '../support/credentials.ts';
import { configOf, execConsumer, jsonSink } from '../support/topology.ts';
import { statusOf } from './status-parts.ts';

const config = configOf([jsonSink('/a', 'web'), jsonSink('/b')], [execConsumer('web')]);
const sink = { format: 'json', bytesChanged: false, drift: [], warnings: [] } as const;
const good = { finishedAt: NOON, source: { state: 'ok', origin: {} }, sinks: [] } as const;

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
  const failing = { ...good, finishedAt: NOON + 1, source: { state: 'stale', origin: {} } } as const;
  assert.deepEqual(tally.with({ config, report: failing }), {
    counters: {
      imdsRequests: { 200: 2, failed: 1 },
      sinkWrites: { '/a': 1, '/b': 0 },
      notifications: { web: { pending: 1, notified: 1 } },
    },
    lastSuccess: new Date(NOON).toISOString(),
  });
});

test('a pass in which a sink failed is no success', () => {
  const error = { code: 'SINK_WRITE_FAILED', message: 'full' } as const;
  const report = { ...good, sinks: [{ ...sink, path: '/a', result: 'failed', error }] } as const;
  assert.equal(new Tally().with({ config, report }).lastSuccess, undefined);
});
