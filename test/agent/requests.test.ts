import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import type { Fetched } from '../../src/core/contracts.ts';
import { HOUR, NOON } from '../support/credentials.ts';
import { eventually } from '../support/eventually.ts';
import { AWAY, gives, stageOf, type Stage } from './two-sources.ts';

/** Runs the agent until every consumer knows the credentials of all its sources. Gives what ends it. */
async function begin({ agent, clock, notified, store, views }: Stage): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const running = agent.run(stop.signal);
  await eventually('the first has written', () => views.length > 0 && clock.alarms.length > 0);
  clock.advance(20_000);
  await eventually('all are notified', () => {
    const { web, job } = store.state.consumers;
    return !!web?.notifiedOf?.['instance'] && !!web.notifiedOf['backup'] && !web.pending && !!job?.notifiedOf;
  });
  await eventually('the agent sleeps', () => clock.alarms.length > 0);
  notified.length = 0;
  return async () => {
    stop.abort();
    await running;
  };
}

/** An agent whose first source has written, and whose second was asked and hangs. */
async function stageWithHanging(t: TestContext) {
  const stage = stageOf(t);
  const { agent, answers, clock, views } = stage;
  const hangs = Promise.withResolvers<Fetched>();
  answers.backup = () => hangs.promise;
  const stop = new AbortController();
  const running = agent.run(stop.signal);
  await eventually('the first has written', () => views.length > 0 && clock.alarms.length > 0);
  clock.advance(20_000);
  await eventually('both were asked', () => answers.calls.backup > 0);
  return { ...stage, hangs, stop, running };
}

describe('a request', () => {
  test('for a source that a reload takes the files from is refused, and that source writes no more', async (t) => {
    const { agent, config, directory, hangs, stop, running } = await stageWithHanging(t);
    const refused = assert.rejects(
      agent.ask({ trigger: 'refresh', sources: ['backup'] }),
      /--source: expected sources of the configuration, got backup/,
    );
    const sinks = config.sinks.map((sink) => ({ ...sink, source: 'instance' }));
    const { report } = await agent.reload({ ...config, sinks, sources: [] });
    await refused;
    assert.deepEqual(
      report.sinks.map(({ result }) => result),
      ['unchanged', 'written'],
    );
    const after = readFileSync(`${directory}/b`, 'utf8');
    hangs.resolve(gives('B', HOUR));
    stop.abort();
    await running;
    assert.equal(readFileSync(`${directory}/b`, 'utf8'), after);
    assert.match(after, new RegExp(gives('A').credentials.accessKeyId));
  });

  test('for both is answered with who was notified after the first pass', async (t) => {
    const { answers, clock, notified, once } = stageOf(t);
    const late = Promise.withResolvers<Fetched>();
    answers.backup = () => late.promise;
    const reported = once();
    await eventually('the first is written, and waits', () => clock.alarms.includes(NOON + 2000));
    clock.advance(2000);
    await eventually('it waits no more', () => notified.length > 0);
    late.resolve(AWAY);
    const { consumers } = await reported;
    assert.deepEqual(
      consumers.map(({ name, result }) => [name, result]),
      [['web', 'notified']],
    );
  });

  for (const [what, later, expected] of [
    ['what has not changed', () => gives('B', HOUR), ['job', 'web']],
    ['what changed with one of them', () => gives('C', 2 * HOUR), ['job', 'web']],
  ] as const) {
    test(`notifies a consumer of two sources once, of ${what}`, async (t) => {
      const stage = stageOf(t);
      const { agent, answers, clock, notified } = stage;
      const end = await begin(stage);
      const late = Promise.withResolvers<Fetched>();
      answers.backup = () => late.promise;
      const asked = agent.ask({ trigger: 'refresh', notifyAll: true, sources: ['instance', 'backup'] });
      await eventually('the first waits', () => clock.alarms.includes(clock.now() + 2000));
      clock.advance(2000);
      late.resolve(later());
      const { report } = await asked;
      assert.deepEqual(notified.map(({ consumer }) => consumer.name).toSorted(), expected);
      assert.equal(report.consumers.length, 2);
      await end();
    });
  }

  test('notifies a consumer of two sources whose passes end in one moment', async (t) => {
    const stage = stageOf(t);
    const { agent, answers, notified } = stage;
    const end = await begin(stage);
    const late = Promise.withResolvers<undefined>();
    answers.instance = () => late.promise.then(() => gives('A'));
    answers.backup = () => late.promise.then(() => gives('B', HOUR));
    const asked = agent.ask({ trigger: 'refresh', notifyAll: true, sources: ['instance', 'backup'] });
    late.resolve(undefined);
    const { report } = await asked;
    assert.deepEqual(notified.map(({ consumer }) => consumer.name).toSorted(), ['job', 'web']);
    assert.equal(report.consumers.length, 2);
    await end();
  });

  test('notifies now a consumer that a change before it left to a later moment', async (t) => {
    const stage = stageOf(t);
    const { agent, answers, clock, notified, outcome } = stage;
    const end = await begin(stage);
    const later = NOON + HOUR;
    outcome.of = ({ reason }) =>
      reason === 'manual'
        ? { result: 'notified', detail: 'done' }
        : { result: 'scheduled', detail: 'later', until: later };
    const late = Promise.withResolvers<Fetched>();
    answers.instance = () => gives('C');
    answers.backup = () => late.promise;
    const asked = agent.ask({ trigger: 'refresh', notify: ['web'], notifyAll: false, sources: ['instance', 'backup'] });
    await eventually('the first waits', () => clock.alarms.includes(clock.now() + 2000));
    clock.advance(2000);
    await eventually('it was left to later', () => notified.length === 1 && clock.alarms.includes(later));
    late.resolve(gives('B', HOUR));
    await asked;
    assert.deepEqual(
      notified.map(({ consumer, reason }) => [consumer.name, reason]),
      [
        ['web', 'changed'],
        ['web', 'manual'],
      ],
    );
    await end();
  });

  test('for all is answered where a reload removes the last source that it waits for', async (t) => {
    const { agent, clock, config, hangs, stop, running } = await stageWithHanging(t);
    const asked = agent.ask({ trigger: 'refresh' });
    await eventually('the first waits', () => clock.alarms.includes(clock.now() + 2000));
    clock.advance(2000);
    await eventually('it has made its pass', () => clock.alarms.length > 0);
    await agent.reload({ ...config, sinks: config.sinks.slice(0, 1), sources: [] });
    assert.deepEqual(
      (await asked).report.sources.map(({ name }) => name),
      ['instance'],
    );
    hangs.resolve(AWAY);
    stop.abort();
    await running;
  });

  test('for one source is refused for consumers of the other alone', async (t) => {
    const { agent } = stageOf(t);
    const asked = { trigger: 'refresh', sources: ['instance'], notify: ['job', 'web'] } as const;
    await assert.rejects(agent.ask(asked), /^AgentError: --notify: expected consumers of these sources, got job$/);
  });
});
