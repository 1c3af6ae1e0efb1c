import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Fetched } from '../../src/core/contracts.ts';
import { HOUR, NOON } from '../support/credentials.ts';
import { eventually } from '../support/eventually.ts';
import { gives, makeAgent } from './passes.ts';

const MINUTE = 60_000;

/** For how long the agent sleeps after its first pass. */
async function firstSleep(t: TestContext, ...[answers, options]: Rig): Promise<number> {
  const { agent, clock } = makeAgent(t, answers, options);
  const stop = new AbortController();
  const running = agent.run(stop.signal);
  await eventually('it sleeps', () => clock.alarms.length > 0);
  const [alarm = NaN] = clock.alarms;
  stop.abort();
  await running;
  return alarm - clock.now();
}

type Rig = [answers: Parameters<typeof makeAgent>[1], options?: Parameters<typeof makeAgent>[2]];

describe('the clock', () => {
  for (const back of [2 * HOUR, 24 * HOUR, NOON]) {
    test(`set back ${back / HOUR} h between plan and sleep prolongs nothing`, async (t) => {
      const before = await firstSleep(t, [gives('A')]);
      const onPublish: NonNullable<Rig[1]>['onPublish'] = (clock) => {
        clock.advance(-back);
      };
      assert.equal(await firstSleep(t, [gives('A')], { onPublish }), before);
      assert.ok(before <= 5 * MINUTE);
    });
  }

  const refresh = { maxInterval: 24 * HOUR };
  const right = { ...gives('A', { expiration: NOON + HOUR }), clockSkew: 0 };
  const rows: readonly [what: string, answer: Fetched][] = [
    ['in 1970', { ...gives('A', { expiration: NOON + NOON + HOUR }), clockSkew: -NOON }],
    ['three days ahead', { ...gives('A', { expiration: NOON - 71 * HOUR }), clockSkew: 72 * HOUR }],
  ];
  for (const [what, answer] of rows) {
    test(`${what}: the plan goes by the life that the credentials have by the source's clock`, async (t) => {
      assert.equal(await firstSleep(t, [answer], { refresh }), await firstSleep(t, [right], { refresh }));
    });
  }
});
