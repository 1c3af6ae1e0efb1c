import { test } from 'node:test';
import { openScene } from './kill.ts';
import { tally } from './tally.ts';

/** The system suite tries every call; these steps meet each kind of call. */
const STEP = 11;

test('a pass that is killed leaves every file whole, and the next start makes good', async (t) => {
  const scene = await openScene(t, { first: false });
  if (!scene) return;
  await tally(t, 'kill -9 in a pass', async (attempt) => {
    for (let call = 1, goesOn; goesOn !== false; call += STEP) {
      const moment = call % 2 === 0 ? 'before' : 'after';
      goesOn = await attempt(() => scene.survive({ moment, call }));
    }
  });
});
