import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { lookAtProcess, readTimer } from '../../src/agent/facts.ts';
import { readProcess } from '../../src/notify/proc.ts';
import { readBootTime } from '../../src/system/boot-time.ts';
import { NOON } from '../support/credentials.ts';

test('a process is known by its number, its start and its boot', async (t) => {
  const child = spawn('/bin/sleep', ['600'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const { pid = 0 } = child;
  const now = readBootTime();
  const startTime = readProcess(pid)?.startedAt ?? assert.fail();
  const agent = { version: '1', pid, startTime, bootId: now.bootId, uid: 0, mode: 'run' } as const;
  assert.equal(lookAtProcess(agent, now), 'alive');
  assert.equal(lookAtProcess({ ...agent, startTime: startTime - 10 }, now), 'gone');
  assert.equal(lookAtProcess({ ...agent, bootId: 'another' }, now), 'gone');
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(lookAtProcess(agent, now), 'gone');
});

describe('what systemctl says of the timer', () => {
  const UPTIME = 3_600_000;
  const shown = (properties: Readonly<Record<string, string>>): ReadonlyMap<string, readonly string[]> =>
    new Map(Object.entries({ ActiveState: 'active', SubState: 'waiting', ...properties }).map(([k, v]) => [k, [v]]));

  test('on the monotonic clock', () => {
    const properties = { NextElapseUSecMonotonic: '1h 2min 3.5s', LastTriggerUSecMonotonic: '57min 500ms' };
    assert.deepEqual(readTimer(shown(properties), NOON, UPTIME), {
      state: 'waiting',
      next: NOON + 123_500,
      lastTrigger: NOON - 180_000 + 500,
    });
  });

  test('on the wall clock', () => {
    const properties = { NextElapseUSecRealtime: 'Mon 2026-11-23 12:05:00 UTC', NextElapseUSecMonotonic: 'infinity' };
    assert.deepEqual(readTimer(shown(properties), NOON, UPTIME), { state: 'waiting', next: NOON + 300_000 });
  });

  test('of one that starts nothing', () => {
    assert.deepEqual(readTimer(shown({ ActiveState: 'inactive', SubState: 'dead' }), NOON, UPTIME), {
      state: 'inactive',
    });
    assert.deepEqual(readTimer(shown({ SubState: 'elapsed' }), NOON, UPTIME), { state: 'inactive' });
  });
});
