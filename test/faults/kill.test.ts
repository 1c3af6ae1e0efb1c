import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openScene } from './kill.ts';
import { report } from './tally.ts';

/** The system suite tries every call; these steps meet each kind of call. */
const STEP = 7;

test('a pass that is killed leaves every file whole, and the next start makes good', async (t) => {
  const scene = await openScene(t, { first: false });
  if (!scene) return;
  let tries = 0;
  for (let call = 1; await scene.survive({ moment: tries % 2 === 0 ? 'before' : 'after', call }); call += STEP) tries++;
  assert.ok(tries > 5, String(tries));
  report(t, { case: 'kill -9 in a pass', tries, survived: tries, lost: 0 });
});
