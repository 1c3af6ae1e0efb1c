import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Fetched } from '../../src/core/contracts.ts';
import type { SinkResult } from '../../src/core/outcomes.ts';
import { idOf } from '../../src/core/sink-id.ts';
import { HOUR, NOON } from '../support/credentials.ts';
import { eventually } from '../support/eventually.ts';
import { configOf, execConsumer, jsonSink } from '../support/topology.ts';
import { gives, makeAgent } from '../rotation/passes.ts';

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

/** A pass in which one sink has this result. */
function ended(result: SinkResult): NonNullable<Rig[1]> {
  const code = result === 'refused' ? 'SINK_UNSAFE_PATH' : 'SINK_WRITE_FAILED';
  const outcome = { path: '/a', format: 'json', result, bytesChanged: false, drift: [], warnings: [] } as const;
  const error = { code, message: 'no' } as const;
  return { applySinks: () => Promise.resolve({ outcomes: [{ ...outcome, error }], records: {}, temps: [] }) };
}

describe('a sink', () => {
  test('that failed is tried again soon, and one that is refused when a person may have changed something', async (t) => {
    const usual = await firstSleep(t, [gives('A')]);
    assert.equal(await firstSleep(t, [gives('A')], ended('refused')), usual);
    assert.ok((await firstSleep(t, [gives('A')], ended('failed'))) < usual / 10);
  });
});

describe('a pass', () => {
  // A unit that is ordered after ours cannot be reloaded before we are ready.
  test('is made visible, and so READY, before anybody is notified', async (t) => {
    const done: string[] = [];
    const { agent } = makeAgent(t, [gives('A')], {
      config: configOf([jsonSink('/a', 'web')], [execConsumer('web')]),
      applySinks: async ({ beforeWrite }) => {
        await beforeWrite([], [idOf(jsonSink('/a'))]);
        return { outcomes: [], records: {}, temps: [] };
      },
      onPublish: () => done.push('visible'),
      notify: () => {
        done.push('notified');
        return Promise.resolve({ result: 'notified', detail: 'done' });
      },
    });
    const limits = { waitMs: 0, patienceMs: 0 };
    await agent.once({ trigger: 'once' }, limits, new AbortController().signal);
    assert.deepEqual(done.slice(0, 2), ['visible', 'notified']);
  });
});

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
