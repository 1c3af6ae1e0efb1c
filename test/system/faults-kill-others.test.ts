import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openForgetScene } from '../faults/kill-forget.ts';
import { killEach, openScene } from '../faults/kill.ts';
import { tally } from '../faults/tally.ts';

test('kill -9 before every call of a first pass, which makes everything', async (t) => {
  const scene = await openScene(t, { first: true });
  if (!scene) return;
  await tally(t, 'kill -9 before each call of a first pass', async (attempt) => {
    await killEach(scene, 'before', attempt);
  });
});

test('kill -9 of the process that acts as a user, before and after each of its calls', async (t) => {
  const scene = await openScene(t, { first: false, actor: true });
  if (!scene) return;
  for (const moment of ['before', 'after'] as const) {
    await tally(t, `kill -9 of what acts as a user, ${moment} each call`, async (attempt) => {
      const tries = await killEach(scene, moment, attempt);
      assert.ok(tries >= 5, `${String(tries)} tries`);
    });
  }
});

test('kill -9 before and after every call of a forgetting', async (t) => {
  const scene = await openForgetScene(t);
  if (!scene) return;
  for (const moment of ['before', 'after'] as const) {
    await tally(t, `kill -9 ${moment} each call of forget`, async (attempt) => {
      assert.ok((await killEach(scene, moment, attempt)) >= 8);
    });
  }
});
