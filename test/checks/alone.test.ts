import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { alone } from '../../scripts/alone.ts';
import { tempDir } from '../support/temp-dir.ts';

test('works under one lock are done one after the other, though one fails', async (t) => {
  const lock = join(tempDir(t), 'lock');
  const steps: string[] = [];
  const work = async (name: string): Promise<string> => {
    steps.push(`${name} begins`);
    await setImmediate();
    steps.push(`${name} ends`);
    if (name === 'a') throw new Error(name);
    return name;
  };
  const results = await Promise.allSettled(['a', 'b'].map((name) => alone(lock, () => work(name))));
  assert.deepEqual(steps, ['a begins', 'a ends', 'b begins', 'b ends']);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
});
