import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openForgetScene } from '../faults/kill-forget.ts';
import { openScene, type Scene } from '../faults/kill.ts';
import { tally, type Attempt } from '../faults/tally.ts';

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

/** Call by call, until a pass ends before it comes to that call. */
async function killEach(scene: Pick<Scene, 'survive'>, moment: 'before' | 'after', attempt: Attempt): Promise<number> {
  for (let call = 1; ; call++) if ((await attempt(() => scene.survive({ moment, call }))) === false) return call - 1;
}
