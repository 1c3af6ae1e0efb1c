import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { Agent, type AgentView } from '../../src/agent/agent.ts';
import { worstSource } from '../../src/agent/lanes.ts';
import type { Config } from '../../src/core/config.ts';
import type { Fetched, Source } from '../../src/core/contracts.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import type { SourceOutcome } from '../../src/core/outcomes.ts';
import { StateStore } from '../../src/rotation/store.ts';
import type { NotifyRequest } from '../../src/notify/contract.ts';
import { applySinks } from '../../src/sinks/apply.ts';
import { renderSink } from '../../src/sinks/formats/render.ts';
import { credentials, HOUR, NOON } from '../support/credentials.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { ownDirectory } from '../support/own.ts';
import { sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BACKUP, configOf, execConsumer, jsonSink, recordingLog } from '../support/topology.ts';

const away: Fetched = { ok: false, state: 'unreachable', error: { code: 'IMDS_UNREACHABLE', message: 'away' } };

function gives(name: string, life = 6 * HOUR): Extract<Fetched, { ok: true }> {
  return { ok: true, credentials: credentials(name, { expiration: NOON + life }), origin: { role: name } };
}

/** What each of two sources answers, with its number of calls. */
interface Answers {
  instance: () => Promise<Fetched> | Fetched;
  backup: () => Promise<Fetched> | Fetched;
  readonly calls: { instance: number; backup: number };
}

function stageOf(t: TestContext, directory = tempDir(t)) {
  const clock = new FakeClock(NOON);
  /** What somebody has set the clock by since. */
  const clockSet = { by: 0 };
  const log = recordingLog();
  const store = StateStore.open(ownDirectory(directory), log);
  const answers: Answers = {
    instance: () => gives('A'),
    backup: () => gives('B', HOUR),
    calls: { instance: 0, backup: 0 },
  };
  const notified: NotifyRequest[] = [];
  const views: AgentView[] = [];
  const sinks = [jsonSink(`${directory}/a`, 'web'), { ...jsonSink(`${directory}/b`, 'web', 'job'), source: 'backup' }];
  const config: Config = {
    ...configOf(sinks, [execConsumer('web'), execConsumer('job')]),
    sources: [BACKUP],
  };
  const sourceOf = (name: 'instance' | 'backup'): Source => ({
    ...(name === 'backup' && { isIssuer: true }),
    fetch: async () => {
      answers.calls[name] += 1;
      return await answers[name]();
    },
  });
  const sources = { instance: sourceOf('instance'), backup: sourceOf('backup') };
  const agent = new Agent(
    {
      clock,
      log,
      store,
      readBootTime: () => ({ bootId: 'this', sinceBoot: clock.now() - clockSet.by }),
      makeSources: () => (name) => (name === 'backup' ? sources.backup : sources.instance),
      applySinks: (request) => applySinks(sinkDeps({ render: renderSink, clock }), request),
      notify: (request) => {
        notified.push(request);
        return Promise.resolve({ result: 'notified', detail: 'done' });
      },
      dryRun: () => Promise.reject(new Error('none')),
      watch: () => Promise.reject(new Error('none')),
      readsShow: () => undefined,
      publish: (view) => {
        views.push(view);
        return Promise.resolve();
      },
    },
    config,
  );
  const once = () =>
    agent.once({ trigger: 'once', notifyAll: false }, { waitMs: 0, patienceMs: 0 }, new AbortController().signal);
  return { agent, answers, clock, clockSet, config, directory, log, notified, once, store, views };
}

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
    answers.backup = () => away;
    const { source, sinks } = await once();
    assert.deepEqual([source.name, source.state], ['backup', 'unreachable']);
    assert.deepEqual(
      sinks.map(({ path, result }) => [path.at(-1), result]),
      [['a', 'written']],
    );
  });

  test('one that a reload takes a file from writes it no more, and whoever asked for it is told', async (t) => {
    const { agent, answers, clock, config, directory, views } = stageOf(t);
    const hangs = Promise.withResolvers<Fetched>();
    answers.backup = () => hangs.promise;
    const stop = new AbortController();
    const running = agent.run(stop.signal);
    await eventually('the first has written', () => views.length > 0 && clock.alarms.length > 0);
    clock.advance(20_000);
    await eventually('both were asked', () => answers.calls.backup > 0);
    const refused = assert.rejects(
      agent.ask({ trigger: 'refresh', notifyAll: false, sources: ['backup'] }),
      /got backup, which a reload has removed/,
    );
    const sinks = config.sinks.map((sink) => ({ ...sink, source: 'instance' }));
    const report = await agent.reload({ ...config, sinks, sources: [] });
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

  test('one with another role writes nothing of the former one, in the same process either', async (t) => {
    const { agent, answers, clock, config, directory, views } = stageOf(t);
    const stop = new AbortController();
    const running = agent.run(stop.signal);
    await eventually('the first has written', () => views.length > 0 && clock.alarms.length > 0);
    clock.advance(20_000);
    await eventually('both have', () => views.some(({ report }) => report.sinks.length === 2));
    answers.backup = () => away;
    const { sources } = config;
    const other = { ...jsonSink(`${directory}/c`), source: 'backup' };
    const report = await agent.reload({
      ...config,
      sinks: [...config.sinks, other],
      sources: sources.map((source) => ({ ...source, roleArn: 'arn:aws:iam::123456789012:role/less' })),
    });
    assert.equal(report.source.state, 'stale');
    assert.ok(!existsSync(`${directory}/c`));
    stop.abort();
    await running;
  });

  test('one whose clock is known, since ours was wrong, is asked in time after ours was set right', async (t) => {
    const { answers, clock, clockSet, once } = stageOf(t);
    const ahead = 2 * HOUR;
    answers.backup = () => ({ ...gives(`B${answers.calls.backup}`, HOUR - ahead), clockSkew: ahead });
    await once();
    await once();
    assert.equal(answers.calls.backup, 1, 'its credentials live by its own clock');
    clockSet.by = -ahead;
    clock.advance(-ahead);
    clock.advance(50 * 60_000);
    await once();
    assert.equal(answers.calls.backup, 2);
  });

  test('one is not asked for consumers of the other alone', async (t) => {
    const { agent } = stageOf(t);
    const asked = { trigger: 'refresh', notifyAll: false, sources: ['instance'], notify: ['job', 'web'] } as const;
    await assert.rejects(agent.ask(asked), /^AgentError: --notify: expected consumers of these sources, got job$/);
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
    hangs.resolve(away);
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

  test('one that issues has no ceiling but its own expiration, while its files are looked at', async (t) => {
    const { agent, answers, clock, views } = stageOf(t);
    const stop = new AbortController();
    const running = agent.run(stop.signal);
    const passesOf = (name: string) => views.filter(({ report }) => report.source.name === name).length;
    for (let minutes = 0; minutes < 30; minutes += 1) {
      await eventually('it sleeps', () => clock.alarms.length > 0);
      clock.advance(60_000);
    }
    await eventually('it sleeps', () => clock.alarms.length > 0);
    assert.equal(answers.calls.backup, 1);
    assert.ok(answers.calls.instance >= 5 && passesOf('instance') > 0, `${answers.calls.instance} calls`);
    clock.advance(HOUR / 2);
    await eventually('its time has come', () => answers.calls.backup === 2);
    stop.abort();
    await running;
  });

  test('one that issues new credentials is left alone while the current ones are good, in another process as well', async (t) => {
    const first = stageOf(t);
    await first.once();
    const next = stageOf(t, first.directory);
    const report = await next.once();
    assert.deepEqual(next.answers.calls, { instance: 1, backup: 0 });
    assert.deepEqual(
      report.sinks.map(({ result }) => result),
      ['unchanged', 'unchanged'],
    );
    const later = stageOf(t, first.directory);
    later.clock.advance(HOUR / 2 + HOUR / 4);
    later.answers.backup = () => gives('C', 2 * HOUR);
    await later.once();
    assert.deepEqual(later.answers.calls, { instance: 1, backup: 1 }, 'a quarter is left');
  });

  test('one whose file was changed is asked, since nobody has its credentials any more', async (t) => {
    const first = stageOf(t);
    await first.once();
    const { writeFileSync } = await import('node:fs');
    writeFileSync(`${first.directory}/b`, '{}');
    const next = stageOf(t, first.directory);
    const { sinks } = await next.once();
    assert.deepEqual([next.answers.calls.backup, sinks[1]?.error], [1, undefined]);
  });

  test('one with other settings is asked', async (t) => {
    const first = stageOf(t);
    await first.once();
    const next = stageOf(t, first.directory);
    await next.agent.once(
      { trigger: 'once', notifyAll: false },
      { waitMs: 0, patienceMs: 0 },
      AbortSignal.timeout(60_000),
    );
    assert.equal(next.answers.calls.backup, 0);
    const stop = new AbortController();
    const running = next.agent.run(stop.signal);
    const changed = { ...next.config, sources: [{ ...BACKUP, externalId: 'x' }] };
    await eventually('it sleeps', () => next.clock.alarms.length > 0);
    await next.agent.reload(changed);
    assert.equal(next.answers.calls.backup, 1);
    stop.abort();
    await running;
  });
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
