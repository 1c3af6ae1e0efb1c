import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { formatExpiration } from '../../src/core/credentials.ts';
import { readState } from '../../src/rotation/store.ts';
import { ownDirectory } from '../support/own.ts';
import { HOUR, NOON } from '../support/credentials.ts';
import { gives, setUp } from './stage.ts';

describe('a pass with the same keys', () => {
  test('writes nothing, and repairs nothing, for another LastUpdated', async (t) => {
    const stage = setUp(t);
    stage.answer = gives('A', { lastUpdated: NOON });
    await stage.pass();
    const good = readFileSync(stage.path, 'utf8');
    for (const restart of [false, true]) {
      if (restart) stage.restart();
      stage.answer = gives('A', { lastUpdated: NOON + HOUR });
      const report = await stage.pass();
      assert.deepEqual([report.rotated, report.sinks[0]?.result], [false, 'unchanged']);
      assert.equal(readFileSync(stage.path, 'utf8'), good);
    }
  });

  test('follows another expiration of the same keys, and notifies nobody of it', async (t) => {
    const stage = setUp(t);
    await stage.pass();
    await stage.deliver();
    for (const [round, expiration] of [7, 5, 8].map((hours) => NOON + hours * HOUR).entries()) {
      stage.answer = gives('A', { expiration });
      const report = await stage.pass();
      const [sink] = report.sinks;
      assert.deepEqual([report.rotated, report.generation, report.source.expiration], [false, 1, expiration]);
      assert.deepEqual([sink?.result, sink?.drift, sink?.bytesChanged], ['written', [], false]);
      assert.match(readFileSync(stage.path, 'utf8'), new RegExp(`"Expiration" : "${formatExpiration(expiration)}"`));
      const { notifiedOf, pending } = readState(ownDirectory(stage.directory)).consumers['web'] ?? {};
      assert.deepEqual([pending?.reason, pending?.since], ['renewed', NOON]);
      assert.equal(
        notifiedOf?.['instance']?.expiration,
        NOON + (round === 0 ? 6 : 5) * HOUR,
        'the end of what it knows, at the latest',
      );
    }
  });

  test('notifies of bytes that somebody changed, beside another expiration too', async (t) => {
    const stage = setUp(t);
    await stage.pass();
    await stage.deliver();
    writeFileSync(stage.path, 'scribble');
    stage.answer = gives('A', { expiration: NOON + 7 * HOUR });
    const report = await stage.pass();
    assert.deepEqual([report.sinks[0]?.result, report.sinks[0]?.bytesChanged], ['repaired', true]);
    assert.equal(readState(ownDirectory(stage.directory)).consumers['web']?.pending?.reason, 'changed');
  });
});
