import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SinkEvidence } from '../../src/core/outcomes.ts';
import { Announcer } from '../../src/agent/announce.ts';
import { readingVerdicts } from '../../src/rotation/evidence.ts';
import { EMPTY_STATE, type Known } from '../../src/rotation/state.ts';
import { HOUR, NOON } from '../support/credentials.ts';
import { configOf, execConsumer, jsonSink, recordingLog } from '../support/topology.ts';

const WRITTEN = NOON - 600_000;
const TOLD = WRITTEN + 1_000;
const read: SinkEvidence = { kind: 'read', writtenAt: WRITTEN, readAt: WRITTEN + 2_000 };
const unread: SinkEvidence = { kind: 'unread', writtenAt: WRITTEN };
const unknown: SinkEvidence = { kind: 'unknown', writtenAt: WRITTEN };

interface Case {
  /** Of its two sinks. */
  readonly evidence?: readonly (SinkEvidence | undefined)[];
  readonly by?: Known['by'] | 'nobody';
  readonly at?: number;
  readonly traceable?: boolean;
  readonly now?: number;
}

function verdict({
  evidence = [unread, unread],
  by = 'notified',
  at = TOLD,
  traceable = true,
  now = NOON,
}: Case): boolean | undefined {
  const config = configOf([jsonSink('/a', 'web'), jsonSink('/b', 'web'), jsonSink('/c')], [execConsumer('web')]);
  const trace = traceable && ({ traceable } as const);
  const known = { generation: 1, at, expiration: NOON + HOUR, lifetime: HOUR, ...trace };
  const consumers = { web: { notifiedOf: { instance: { ...known, ...(by !== 'nobody' && { by }) } } } };
  const sinks = config.sinks.map(({ path, format }, index) => {
    const seen = path === '/c' ? read : evidence[index];
    const plain = { path, format, result: 'unchanged', bytesChanged: false, drift: [], warnings: [] } as const;
    return { ...plain, ...(seen && { evidence: seen }) };
  });
  const report = { startedAt: now, sinks };
  return readingVerdicts({ config, state: { ...EMPTY_STATE, consumers }, report })['web'];
}

test('a consumer that does not read is named in the log once, and so is that it reads again', () => {
  const log = recordingLog();
  const announcer = new Announcer(log);
  for (const notReading of [{}, { web: false }, { web: true }, { web: true }, {}, { web: true }])
    announcer.notReading(notReading);
  assert.equal(log.lines.length, 1);
  assert.match(log.lines[0] ?? '', /^warn web was notified, but nobody has read its files since \(see whether /);
  for (const notReading of [{ web: false }, { web: false }]) announcer.notReading(notReading);
  assert.deepEqual(log.lines.slice(1), ['info web: its files are read again']);
});

describe('a consumer is', () => {
  const cases: Readonly<Record<string, readonly [Case, boolean | undefined]>> = {
    'not reading when none of its files was read': [{}, true],
    'reading when one of them was': [{ evidence: [unread, read] }, false],
    'reading when one of them was, whatever the others say': [{ evidence: [unknown, read] }, false],
    'not judged where it cannot be known': [{ evidence: [unread, unknown] }, undefined],
    'not judged by files that this pass has written': [{ evidence: [undefined, undefined] }, undefined],
    'not judged when its reads leave no trace': [{ traceable: false }, undefined],
    'reading when somebody has read, whoever that was': [{ traceable: false, evidence: [unread, read] }, false],
    'not judged at once': [{ now: TOLD + 59_999 }, undefined],
    'judged after a minute': [{ now: TOLD + 60_000 }, true],
    'not judged by a file that was written after it was notified': [{ at: WRITTEN - 1 }, undefined],
    'not judged when it was not notified, since it started afterwards': [{ by: 'started_since' }, undefined],
    'not judged when it was not running': [{ by: 'not_running' }, undefined],
    'not judged when nobody knows whether it was notified': [{ by: 'nobody' }, undefined],
  };
  for (const [name, [given, expected]] of Object.entries(cases)) {
    test(name, () => {
      assert.equal(verdict(given), expected);
    });
  }
});
