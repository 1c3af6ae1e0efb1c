import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assess } from '../../src/report/report.ts';
import { checkLine } from '../../src/report/print-status.ts';
import type { StatusFacts } from '../../src/report/judge.ts';
import { NOON } from '../support/credentials.ts';
import { before, consumerOf, factsOf, sinkOf, sourceOf, statusOf } from './status-parts.ts';
import { STATUSES } from './statuses.ts';

const failed = {
  code: 'SINK_WRITE_FAILED',
  message: '/a: expected a complete write, got ENOSPC',
  hint: 'free space',
} as const;
const denied = { code: 'IMDS_DENIED', message: 'no', hint: 'ask' } as const;

/** What is wrong, since when, why, and what to do in the mode that the host is in. */
const ROWS: Readonly<Record<string, readonly [facts: StatusFacts, summary: RegExp, step: RegExp]>> = {
  'all well': [
    factsOf(statusOf()),
    /^2 sinks up to date, credentials good for 5 h 12 min, next pass in 2 min 40 s$/,
    /^$/,
  ],
  'refresh fails': [
    factsOf(statusOf({ source: sourceOf({ state: 'denied', error: denied, since: before(12) }) })),
    /^source: gives nothing new for 12 min \(credentials good for 5 h 12 min; the source is denied; IMDS_DENIED: no\)$/,
    /^ask$/,
  ],
  'no credentials': [
    factsOf(STATUSES['nothing-yet'] ?? statusOf()),
    /^credentials: there are none yet for 12 min \(the source is unreachable; IMDS_UNREACHABLE: /,
    /EC2 instance/,
  ],
  'expired since the last pass': [
    factsOf(statusOf({ source: sourceOf({ expiration: before(1) }) })),
    /^credentials: expired for 1 min \(the source is ok\)$/,
    /sudo credrotate refresh$/,
  ],
  'good by the clock of the source': [
    factsOf(statusOf({ source: sourceOf({ expiration: before(60), clockSkew: 2 * 3_600_000 }) })),
    /^clock: the clock of this host has been wrong for 2 min \(the clock of this host says /,
    /timedatectl/,
  ],
  'a sink on a full disk': [
    factsOf(statusOf({ sinks: [sinkOf('/a', { result: 'failed', error: failed, since: before(12) })] })),
    /^\/a: not up to date for 12 min \(SINK_WRITE_FAILED: .*ENOSPC\)$/,
    /^free space$/,
  ],
  'many sinks': [
    factsOf(
      statusOf({
        sinks: Array.from({ length: 1000 }, (_, index) =>
          sinkOf(`/${String(index)}`, { result: 'failed', error: failed }),
        ),
      }),
    ),
    /^\/0: .*; \/3: [^;]+; 996 more: credrotate status$/,
    /free/,
  ],
  'an outdated sink under a timer': [
    factsOf(
      statusOf({
        agent: { ...statusOf().agent, mode: 'once' },
        sinks: [sinkOf('/a', { result: 'outdated', error: { code: 'SINK_OUTDATED', message: 'x' } })],
      }),
    ),
    /^\/a: not up to date for 2 min \(SINK_OUTDATED: x\)$/,
    /sudo systemctl start credrotate-once$/,
  ],
  'a stopped agent': [
    factsOf(statusOf(), { keeper: { by: 'nobody', life: 'stopped', since: before(1), evidence: 'it stopped' } }),
    /^next pass: nobody will make one for 1 min \(it stopped\)$/,
    /systemctl start credrotate$/,
  ],
  'a stopped agent of a user': [
    factsOf(statusOf({ agent: { ...statusOf().agent, uid: 1000 } }), {
      keeper: { by: 'nobody', life: 'stopped', evidence: 'it stopped' },
      hasUnits: false,
    }),
    /^next pass: /,
    /^keep "credrotate run" running .* --every 5m /,
  ],
  'a refused configuration': [
    factsOf(statusOf(), { onDisk: { state: 'refused', since: before(3), problem: 'c.yaml:3:5: sinks: expected' } }),
    /^\/etc\/credrotate\/credrotate.yaml: invalid on disk for 3 min \(c.yaml:3:5: sinks: expected\)$/,
    /credrotate check/,
  ],
  'a consumer that does not read': [
    factsOf(statusOf({ consumers: [consumerOf('web', { notReading: true })] })),
    /^web: notified, but its files have not been read for 48 min$/,
    /credrotate refresh --notify web$/,
  ],
};

describe('what a status comes to says since when, why, and what to do', () => {
  for (const [name, [facts, summary, step]] of Object.entries(ROWS)) {
    test(name, () => {
      const assessment = assess(facts, NOON);
      assert.match(assessment.summary, summary);
      const { text = '', line = '' } = assessment.findings[0]?.remedy ?? {};
      assert.match(`${text} ${line}`.trim(), step);
    });
  }
});

test('every finding of a status says since when, and goes on from the one before', () => {
  const trouble = { code: 'STATE_UNWRITABLE', message: 'full' } as const;
  const older = { code: 'CREDENTIALS_OLDER', message: 'x' } as const;
  const source = sourceOf({ error: older, clockSkew: 3_600_000 });
  const left = [{ path: '/old', format: 'json', keyId: '…WXYZ', expiration: before(-60) }];
  const consumers = [consumerOf('web', { result: 'ended' })];
  const first = factsOf(statusOf({ source, left, consumers, errors: [trouble] }), {
    keeper: { by: 'nobody', life: 'stopped', since: before(0), evidence: 'x' },
  });
  const { findings } = assess(first, NOON);
  const expected = ['earlier-credentials', 'clock-skew', 'state-unwritable', 'file-left', 'consumer-ended'];
  for (const id of expected)
    assert.ok(
      findings.some((one) => one.id === id && one.since === before(2)),
      id,
    );
  assert.ok(findings.every(({ since }) => since !== undefined));
  const known = findings.map((finding) => ({ ...finding, since: before(40) }));
  const later = assess({ ...first, status: { ...first.status, findings: known } }, NOON);
  for (const id of expected) assert.equal(later.findings.find((one) => one.id === id)?.since, before(40), id);
});

test('the line of a plugin is one, and its numbers are only ours', () => {
  assert.equal(
    checkLine('ok', '2 sinks up to date', 18_720_900),
    'CREDROTATE OK - 2 sinks up to date | expiry=18720s\n',
  );
  assert.equal(checkLine('critical', 'a\nb; c|d=1', -1), 'CREDROTATE CRITICAL - a\\nb; c/d=1 | expiry=-1s\n');
  assert.equal(checkLine('unknown', 'no status there'), 'CREDROTATE UNKNOWN - no status there\n');
});

describe('the exit code of two sources', () => {
  const throttled = { code: 'STS_THROTTLED', message: 'no', hint: 'wait' } as const;
  const refused = { code: 'STS_DENIED', message: 'no', hint: 'ask' } as const;
  const good = sourceOf({});
  const gone = { expiration: before(1), state: 'expired' } as const;
  const rows: [what: string, instance: typeof good, backup: typeof good, once: number, refresh: number][] = [
    ['both good', good, good, 0, 0],
    ['one stale', good, sourceOf({ state: 'stale', error: throttled }), 0, 75],
    ['one gone', good, sourceOf({ ...gone, error: throttled }), 75, 75],
    ['the worse one last', sourceOf({ ...gone, error: throttled }), sourceOf({ ...gone, error: refused }), 77, 77],
    ['the worse one first', sourceOf({ ...gone, error: refused }), sourceOf({ ...gone, error: throttled }), 77, 77],
    [
      'one gone and a worse one that is stale',
      sourceOf({ ...gone, error: throttled }),
      sourceOf({ state: 'denied', error: refused }),
      75,
      77,
    ],
  ];
  for (const [what, instance, backup, once, refresh] of rows) {
    test(`is that of the worst: ${what}`, () => {
      const sources = [
        { ...instance, name: 'instance', generation: 1, rotated: false },
        { ...backup, name: 'backup', generation: 1, rotated: false },
      ];
      const { exitCodes } = assess(factsOf(statusOf({ source: instance, sources })), NOON);
      assert.deepEqual([exitCodes.once, exitCodes.refresh], [once, refresh]);
    });
  }
});
