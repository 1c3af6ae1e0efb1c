import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assess, exitCodeOfStatus } from '../../src/report/assess.ts';
import { checkLine } from '../../src/report/check-line.ts';
import type { Status } from '../../src/report/status.ts';
import { NOON } from '../support/credentials.ts';
import { before, consumerOf, sinkOf, sourceOf, statusOf } from './status-parts.ts';
import { STATUSES } from './statuses.ts';

const failed = { code: 'SINK_WRITE_FAILED', message: 'full' } as const;
const error = { code: 'IMDS_DENIED', message: 'no' } as const;

describe('what a status comes to', () => {
  const rows: Readonly<Record<string, readonly [Status | undefined, level: string, exitCode: number, words: RegExp]>> =
    {
      'all well': [STATUSES['ok'], 'ok', 0, /^2 sinks fresh, credentials good for 5 h 12 min$/],
      'refresh fails': [STATUSES['stale'], 'warning', 0, /^the source is stale; credentials good for 36 min 50 s/],
      denied: [statusOf({ source: sourceOf({ state: 'denied', error }) }), 'warning', 77, /^the source is denied; /],
      'no role, with good credentials': [STATUSES['no-role'], 'warning', 69, /^the source is no_role; /],
      'no role, with bad ones': [STATUSES['expired'], 'critical', 69, /expired 12 min ago, and the source is no_role/],
      'expired since the last pass': [
        statusOf({ source: sourceOf({ expiration: before(1) }) }),
        'critical',
        75,
        /^the credentials expired 1 min ago$/,
      ],
      'good by the clock of the source': [
        statusOf({ source: sourceOf({ expiration: before(60), clockSkew: 2 * 3_600_000 }) }),
        'warning',
        0,
        /^the clock of this host is wrong$/,
      ],
      'nothing yet': [
        STATUSES['nothing-yet'],
        'critical',
        75,
        /^there are no credentials yet: the source is unreachable$/,
      ],
      'no agent': [STATUSES['overdue'], 'critical', 75, /^the agent is not running; credentials good for /],
      'a late pass': [statusOf({ nextPass: { at: before(1), reason: 'retry' } }), 'ok', 0, /fresh/],
      'a refused sink': [STATUSES['sink-refused'], 'critical', 77, /^1 of 3 sinks not as it should be: \/home/],
      'a failed sink': [
        statusOf({ sinks: [sinkOf('/a', { result: 'failed', error: failed })] }),
        'critical',
        73,
        /^1 of 1 sink not as it should be: \/a$/,
      ],
      'a pending consumer': [
        statusOf({ consumers: [consumerOf('web', { result: 'pending' })] }),
        'warning',
        74,
        /^notification pending: web$/,
      ],
      'a consumer that does not read': [
        statusOf({ consumers: [consumerOf('web', { notReading: true })] }),
        'warning',
        0,
        /^notified, but nobody has read their files since: web$/,
      ],
    };
  for (const [name, [status = statusOf(), level, exitCode, words]] of Object.entries(rows)) {
    test(name, () => {
      const assessment = assess(status, NOON);
      assert.equal(assessment.level, level);
      assert.match(assessment.findings.join('; '), words);
      assert.equal(exitCodeOfStatus(status, assessment), exitCode);
    });
  }
});

test('the line of a plugin is one, and its numbers are only ours', () => {
  assert.equal(checkLine('ok', ['2 sinks fresh'], 18_720_900), 'CREDROTATE OK - 2 sinks fresh | expiry=18720s\n');
  assert.equal(checkLine('critical', ['a\nb', 'c|d=1'], -1), 'CREDROTATE CRITICAL - a\\nb; c/d=1 | expiry=-1s\n');
  assert.equal(checkLine('unknown', ['no status there']), 'CREDROTATE UNKNOWN - no status there\n');
});
