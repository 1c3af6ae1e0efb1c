import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { worstSource } from '../../src/agent/lanes.ts';
import type { Fetched } from '../../src/core/contracts.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import type { SourceOutcome } from '../../src/core/outcomes.ts';
import { HOUR, NOON } from '../support/credentials.ts';
import { eventually } from '../support/eventually.ts';
import { jsonSink } from '../support/topology.ts';
import { AWAY, gives, stageOf } from './two-sources.ts';

describe('two sources', () => {
  test('each write their own sinks, have a generation of their own, and notify a consumer of both once', async (t) => {
    const { notified, once, store } = stageOf(t);
    const report = await once();
    assert.deepEqual(
      report.sinks.map(({ result }) => result),
      ['written', 'written'],
    );
    assert.deepEqual(
      report.sources.map(({ name, state }) => [name, state]),
      [
        ['instance', 'ok'],
        ['backup', 'ok'],
      ],
    );
    assert.deepEqual(notified.map(({ consumer, paths }) => [consumer.name, paths.length]).toSorted(), [
      ['job', 1],
      ['web', 2],
    ]);
    const { notifiedOf } = store.state.consumers['web'] ?? {};
    assert.deepEqual([notifiedOf?.['instance']?.generation, notifiedOf?.['backup']?.generation], [1, 1]);
    assert.equal(notifiedOf?.['backup']?.expiration, NOON + HOUR);
  });

  test('one that fails leaves the other alone, and is the one that is spoken of', async (t) => {
    const { answers, once } = stageOf(t);
    answers.backup = () => AWAY;
    const { source, sinks } = await once();
    assert.deepEqual([source.name, source.state], ['backup', 'unreachable']);
    assert.deepEqual(
      sinks.map(({ path, result }) => [path.at(-1), result]),
      [['a', 'written']],
    );
  });

  test('one with another role writes nothing of the former one, in the same process either', async (t) => {
    const { agent, answers, clock, config, directory, views } = stageOf(t);
    const stop = new AbortController();
    const running = agent.run(stop.signal);
    await eventually('the first has written', () => views.length > 0 && clock.alarms.length > 0);
    clock.advance(20_000);
    await eventually('both have', () => views.some(({ report }) => report.sinks.length === 2));
    answers.backup = () => AWAY;
    const { sources } = config;
    const other = { ...jsonSink(`${directory}/c`), source: 'backup' };
    const { report } = await agent.reload({
      ...config,
      sinks: [...config.sinks, other],
      sources: sources.map((source) => ({ ...source, roleArn: 'arn:aws:iam::123456789012:role/less' })),
    });
    assert.equal(report.source.state, 'stale');
    assert.ok(!existsSync(`${directory}/c`));
    stop.abort();
    await running;
  });

  test('one that hangs delays neither the files nor the next passes of the other', async (t) => {
    const { agent, answers, clock, views } = stageOf(t);
    const hangs = Promise.withResolvers<Fetched>();
    answers.backup = () => hangs.promise;
    const stop = new AbortController();
    const running = agent.run(stop.signal);
    clock.advance(20_000);
    await eventually('both were asked', () => answers.calls.backup > 0 || clock.alarms.length > 0);
    await eventually('the first has written', () => views.some(({ report }) => report.sinks.length === 1));
    for (let pass = 2; pass < 5; pass += 1) {
      await eventually('it sleeps', () => clock.alarms.length > 0);
      clock.advance(300_000);
      await eventually(`pass ${pass}`, () => answers.calls.instance >= pass);
    }
    stop.abort();
    hangs.resolve(AWAY);
    await running;
  });

  for (const [what, waitMs, expected] of [
    ['together', 0, [['/a', '/b']]],
    ['two seconds apart', 2000, [['/a'], ['/b']]],
  ] as const) {
    test(`a consumer of both is notified of what changes ${what}: ${expected.length}`, async (t) => {
      const { answers, clock, directory, notified, once } = stageOf(t);
      const late = Promise.withResolvers<Fetched>();
      answers.backup = () => late.promise;
      const reported = once();
      await eventually('the first is written, and waits', () => clock.alarms.includes(NOON + 2000));
      assert.equal(notified.length, 0);
      clock.advance(waitMs);
      if (waitMs > 0) await eventually('it waits no more', () => notified.length > 0);
      late.resolve(gives('B', HOUR));
      await reported;
      const ofWeb = notified.filter(({ consumer }) => consumer.name === 'web');
      assert.deepEqual(
        ofWeb.map(({ paths }) => paths.map((path) => path.replace(directory, ''))),
        expected,
      );
    });
  }
});

describe('the worst of several sources', () => {
  const one = (state: SourceOutcome['state'], code?: ErrorCode): SourceOutcome => ({
    ...{ name: `${state} ${code}`, state, rotated: false, origin: {} },
    ...(code && { error: { code, message: 'no' } }),
  });
  const inOrder = [
    one('denied', 'STS_REJECTED'),
    one('denied', 'STS_DENIED'),
    one('malformed', 'STS_MALFORMED'),
    one('unreachable', 'STS_THROTTLED'),
    one('no_role', 'IMDS_NO_ROLE'),
    one('stale', 'STS_REJECTED'),
    one('ok'),
  ];

  test('is the one to act on first, wherever it stands; one whose credentials are good comes after all others', () => {
    for (const [index, worst] of inOrder.entries()) {
      const rest = inOrder.slice(index);
      assert.equal(worstSource(rest)?.name, worst.name);
      assert.equal(worstSource(rest.toReversed())?.name, worst.name);
    }
    assert.equal(worstSource([]), undefined);
  });
});
