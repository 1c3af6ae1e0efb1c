import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killEach, openScene } from '../faults/kill.ts';
import { tally } from '../faults/tally.ts';

test('kill -9 before and after every call of a pass', async (t) => {
  const scene = await openScene(t, { first: false });
  if (!scene) return;
  const calls = await scene.trace();
  for (const line of calls) t.diagnostic(line);
  for (const moment of ['before', 'after'] as const) {
    await tally(t, `kill -9 ${moment} each call of a pass`, async (attempt) => {
      const tries = await killEach(scene, moment, attempt);
      assert.ok(tries >= calls.length - 1, `${String(tries)} tries, ${String(calls.length)} calls`);
    });
  }
});
