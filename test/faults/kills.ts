import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openForgetScene } from './kill-forget.ts';
import { killEach, openScene } from './kill.ts';
import { tally } from './tally.ts';

const MOMENTS = ['before', 'after'] as const;

/** Kills at each `step`th call of what is most of the agent's life: a pass over files that are there. */
export function testKillsOfPass(step: number): void {
  test(`kill -9 before and after every ${nth(step)}call of a pass`, async (t) => {
    const scene = await openScene(t, { first: false });
    if (!scene) return;
    const calls = await scene.trace();
    for (const line of calls) t.diagnostic(line);
    for (const moment of MOMENTS) {
      await tally(t, `kill -9 ${moment} each ${nth(step)}call of a pass`, async (attempt) => {
        const reached = await killEach(scene, { moment, step }, attempt);
        assert.ok(reached >= calls.length - step, `up to call ${String(reached)} of ${String(calls.length)}`);
      });
    }
  });
}

/** And of the rest; `few`: of the few calls that what acts as a user makes. */
export function testOtherKills(step: number, few: number): void {
  test(`kill -9 before every ${nth(step)}call of a first pass, which makes everything`, async (t) => {
    const scene = await openScene(t, { first: true });
    if (!scene) return;
    await tally(t, `kill -9 before each ${nth(step)}call of a first pass`, async (attempt) => {
      await killEach(scene, { moment: 'before', step }, attempt);
    });
  });

  test(`kill -9 of the process that acts as a user, before and after its every ${nth(few)}call`, async (t) => {
    const scene = await openScene(t, { first: false, actor: true });
    if (!scene) return;
    for (const moment of MOMENTS) {
      await tally(t, `kill -9 of what acts as a user, ${moment} each ${nth(few)}call`, async (attempt) => {
        const reached = await killEach(scene, { moment, step: few }, attempt);
        assert.ok(reached >= 5 - few, `up to call ${String(reached)}`);
      });
    }
  });

  test(`kill -9 before and after every ${nth(step)}call of a forgetting`, async (t) => {
    const scene = await openForgetScene(t);
    if (!scene) return;
    for (const moment of MOMENTS) {
      await tally(t, `kill -9 ${moment} each ${nth(step)}call of forget`, async (attempt) => {
        const reached = await killEach(scene, { moment, step }, attempt);
        assert.ok(reached >= 8 - step, `up to call ${String(reached)}`);
      });
    }
  });
}

/** `each ${nth(3)}call` */
function nth(step: number): string {
  return step === 1 ? '' : `${String(step)}${['th', 'st', 'nd', 'rd'][step] ?? 'th'} `;
}
