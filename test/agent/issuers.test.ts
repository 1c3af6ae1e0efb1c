import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { SinkConfig } from '../../src/core/config.ts';
import { createAtomicFiles } from '../../src/system/atomic-files.ts';
import { HOUR } from '../support/credentials.ts';
import { eventually } from '../support/eventually.ts';
import { tempDir } from '../support/temp-dir.ts';
import { BACKUP } from '../support/topology.ts';
import { AWAY, gives, stageOf } from './two-sources.ts';

describe('a source that issues', () => {
  test('whose clock is known, since ours was wrong, is asked in time after ours was set right', async (t) => {
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

  test('whose clock is known is left alone by other processes as well, until the next boot', async (t) => {
    const ahead = 50 * 60_000;
    const first = stageOf(t);
    const answer = { ...gives('B', HOUR - ahead), clockSkew: ahead };
    first.answers.backup = () => answer;
    await first.once();
    const next = stageOf(t, first.directory);
    next.answers.backup = () => answer;
    await next.once();
    assert.equal(next.answers.calls.backup, 0, 'its credentials live by its own clock');
    const booted = stageOf(t, first.directory);
    booted.boot.id = 'other';
    booted.answers.backup = () => answer;
    await booted.once();
    assert.equal(booted.answers.calls.backup, 1, 'nobody knows who set which clock');
  });

  test('whose clock is known lets its credentials live by it while it is away', async (t) => {
    const ahead = 72 * HOUR;
    const first = stageOf(t);
    first.answers.instance = () => ({ ...gives('A', 6 * HOUR - ahead), clockSkew: ahead });
    await first.once();
    const next = stageOf(t, first.directory);
    next.answers.instance = () => AWAY;
    const [source] = (await next.once()).sources;
    assert.deepEqual([source?.state, source?.clockSkew], ['stale', ahead]);
  });

  test('is not asked for its part of a file that another source has written since', async (t) => {
    const directory = tempDir(t);
    const part = (profile: string, source: string): SinkConfig => ({
      ...{ path: `${directory}/credentials`, source, profile, format: 'aws-credentials', mode: 0o600, notify: [] },
      ...{ securityToken: 'never', accountId: false, comment: false },
    });
    const sinks = [part('default', 'instance'), part('backup', 'backup')];
    const calls: number[] = [];
    for (const name of ['A', 'C', 'D']) {
      const { answers, once } = stageOf(t, directory, { sinks });
      answers.instance = () => gives(name);
      const report = await once();
      assert.ok(report.sinks.every(({ error }) => !error));
      calls.push(answers.calls.backup);
    }
    assert.deepEqual(calls, [1, 0, 0]);
    const text = readFileSync(`${directory}/credentials`, 'utf8');
    writeFileSync(`${directory}/credentials`, text.replace(gives('B').credentials.accessKeyId, 'another'));
    const { answers, once } = stageOf(t, directory, { sinks });
    answers.instance = () => gives('E');
    await once();
    assert.equal(answers.calls.backup, 1, 'somebody else has written it');
  });

  test('is asked once before its time for a file that cannot be written, and not again by each process', async (t) => {
    const full = createAtomicFiles();
    const cannot: typeof full = {
      replace: (path, stage) =>
        path.endsWith('/b') ? Promise.reject(new Error('no room')) : full.replace(path, stage),
    };
    const directory = tempDir(t);
    const calls: number[] = [];
    for (let process = 0; process < 4; process += 1) {
      const { answers, once } = stageOf(t, directory, { files: cannot });
      answers.backup = () => gives(`B${process}`, HOUR + process);
      const { sinks } = await once();
      assert.ok(sinks[1]?.error);
      calls.push(answers.calls.backup);
    }
    assert.deepEqual(calls, [1, 1, 0, 0]);
    const mended = stageOf(t, directory);
    mended.clock.advance(HOUR / 2 + HOUR / 4);
    mended.answers.backup = () => gives('C', 2 * HOUR);
    const { sinks } = await mended.once();
    assert.equal(sinks[1]?.result, 'written', 'at its time');
  });

  test('has no ceiling but its own expiration, while its files are looked at', async (t) => {
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

  test('is left alone while the current ones are good, in another process as well', async (t) => {
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

  test('whose file was changed is asked, since nobody has its credentials any more', async (t) => {
    const first = stageOf(t);
    await first.once();
    writeFileSync(`${first.directory}/b`, '{}');
    const next = stageOf(t, first.directory);
    const { sinks } = await next.once();
    assert.deepEqual([next.answers.calls.backup, sinks[1]?.error], [1, undefined]);
  });

  test('with other settings is asked', async (t) => {
    const first = stageOf(t);
    await first.once();
    const next = stageOf(t, first.directory);
    await next.agent.once({ trigger: 'once' }, { waitMs: 0, patienceMs: 0 }, AbortSignal.timeout(60_000));
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
