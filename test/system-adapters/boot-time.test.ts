import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readBootTime } from '../../src/system/boot-time.ts';

test('the time since boot is on the clock of process start times', () => {
  const { bootId, sinceBoot } = readBootTime();
  assert.match(bootId, /^[0-9a-f-]{36}$/);
  // After the name, which may hold anything, the start is the 20th field, in hundredths of a second.
  const fields = readFileSync('/proc/self/stat', 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  const startedAt = Number(fields[19]) * 10;
  const age = sinceBoot - startedAt;
  assert.ok(age >= 0 && Math.abs(age - process.uptime() * 1000) < 5_000, `${String(age)} ms old`);
  assert.equal(readBootTime().bootId, bootId);
  assert.ok(readBootTime().sinceBoot >= sinceBoot);
});
