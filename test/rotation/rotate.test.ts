import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { Config } from '../../src/core/config.ts';
import type { Fetched } from '../../src/core/contracts.ts';
import { rotate, type FilesReport, type RotateDeps } from '../../src/rotation/rotate.ts';
import { knownIdentity, type AgentState } from '../../src/rotation/state.ts';
import { readState, StateStore } from '../../src/rotation/store.ts';
import { applySinks } from '../../src/sinks/apply.ts';
import { renderSink } from '../../src/sinks/formats/render.ts';
import { createAtomicFiles } from '../../src/system/atomic-files.ts';
import { credentials, HOUR, NOON } from '../support/credentials.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';
import { configOf, execConsumer, jsonSink, recordingLog } from '../support/topology.ts';

interface Stage {
  readonly clock: FakeClock;
  readonly config: Config;
  readonly directory: string;
  readonly path: string;
  /** Set by a test: what the source gives. */
  answer: Fetched;
  /** The state on disk when the journal was written and no byte of a secret was. */
  journalled: AgentState | undefined;
  readonly pass: () => Promise<FilesReport>;
  /** As a new process: nothing is in memory. */
  readonly restart: (bootId?: string) => void;
}

const AWAY: Fetched = { ok: false, state: 'unreachable', error: { code: 'IMDS_UNREACHABLE', message: 'away' } };
const gives = (name: string, change = {}): Extract<Fetched, { ok: true }> => ({
  ok: true,
  credentials: credentials(name, change),
  origin: { role: 'web', instanceId: 'i-1' },
});

function setUp(t: TestContext): Stage {
  const directory = tempDir(t);
  const path = join(directory, 'iam.json');
  const clock = new FakeClock(NOON);
  const config = configOf([jsonSink(path, 'web')], [execConsumer('web')]);
  const openStore = (): StateStore => StateStore.open(directory, createAtomicFiles(), recordingLog());
  const stage = { clock, config, directory, path, answer: gives('A'), journalled: undefined } as unknown as Stage;
  const deps = (bootId = 'this'): RotateDeps => ({
    source: { fetch: () => Promise.resolve(stage.answer) },
    clock,
    store: openStore(),
    applySinks: (request) =>
      applySinks(sinkDeps({ render: renderSink }), {
        ...request,
        beforeWrite: async (temps, changing) => {
          await request.beforeWrite(temps, changing);
          stage.journalled = readState(directory);
        },
      }),
    bootId,
    memory: {},
  });
  let current = deps();
  return Object.assign(stage, {
    pass: () => rotate(current, config, { trigger: 'once', notifyAll: false }, AbortSignal.timeout(10_000)),
    restart: (bootId?: string) => {
      current = deps(bootId);
    },
  });
}

describe('a pass', () => {
  test('has what is pending and the journal on disk, and no record of the old file, before it writes', async (t) => {
    const stage = setUp(t);
    await stage.pass();
    stage.answer = gives('B');
    const report = await stage.pass();
    assert.equal(report.rotated, true);
    const { journalled } = stage;
    assert.equal(journalled?.generation, 2);
    assert.equal(journalled.consumers['web']?.pending?.generation, 2);
    assert.equal(journalled.temps.length, 1);
    // With the old record, a consumer that started between two rotations would count as fresh after a kill.
    assert.deepEqual(journalled.sinks, {});
    const after = readState(stage.directory);
    assert.deepEqual(after.temps, []);
    assert.deepEqual(Object.keys(after.sinks), [stage.path]);
  });

  test('without news writes neither sink nor state', async (t) => {
    const stage = setUp(t);
    await stage.pass();
    const inodes = (): bigint[] =>
      [stage.path, join(stage.directory, 'state.json')].map((path) => statSync(path, { bigint: true }).ino);
    const before = inodes();
    const report = await stage.pass();
    assert.equal(report.sinks[0]?.result, 'unchanged');
    assert.deepEqual(inodes(), before);
  });

  test('repairs drift while the source is away, with the credentials in memory', async (t) => {
    const stage = setUp(t);
    await stage.pass();
    const good = readFileSync(stage.path, 'utf8');
    stage.answer = AWAY;
    writeFileSync(stage.path, 'scribble');
    const report = await stage.pass();
    assert.equal(report.source.state, 'stale');
    assert.equal(report.sinks[0]?.result, 'repaired');
    assert.equal(readFileSync(stage.path, 'utf8'), good);
  });

  test('never writes credentials that have expired meanwhile', async (t) => {
    const stage = setUp(t);
    await stage.pass();
    stage.answer = AWAY;
    stage.clock.advance(6 * HOUR);
    rmSync(stage.path);
    const report = await stage.pass();
    assert.equal(report.source.state, 'expired');
    assert.deepEqual(report.sinks, []);
    assert.equal(existsSync(stage.path), false);
  });

  test('keeps the better credentials, and repairs with them', async (t) => {
    const stage = setUp(t);
    await stage.pass();
    const good = readFileSync(stage.path, 'utf8');
    stage.answer = gives('B', { expiration: NOON + 5 * HOUR });
    rmSync(stage.path);
    const report = await stage.pass();
    assert.equal(report.source.error?.code, 'CREDENTIALS_OLDER');
    assert.equal(readFileSync(stage.path, 'utf8'), good);
  });

  test('remembers which instance this is until the next boot', async (t) => {
    const stage = setUp(t);
    const identity = { endpoint: 'http://127.0.0.1:1', instanceId: 'i-1', accountId: '210987654321' };
    stage.answer = { ...gives('A'), identity };
    await stage.pass();
    stage.restart();
    assert.deepEqual(knownIdentity(readState(stage.directory), 'this'), identity);
    assert.equal(knownIdentity(readState(stage.directory), 'next'), undefined);
  });

  test('that did not find out the instance does not take over what an earlier boot found', async (t) => {
    const stage = setUp(t);
    const identity = { endpoint: 'http://127.0.0.1:1', instanceId: 'i-1', accountId: '210987654321' };
    stage.answer = { ...gives('A'), identity };
    await stage.pass();
    stage.restart('next');
    stage.answer = gives('B');
    await stage.pass();
    assert.equal(knownIdentity(readState(stage.directory), 'next'), undefined);
  });

  test('of a new process leaves the files alone while the source is away', async (t) => {
    const stage = setUp(t);
    await stage.pass();
    stage.restart();
    stage.answer = AWAY;
    const report = await stage.pass();
    assert.equal(report.source.state, 'stale');
    assert.deepEqual(report.sinks, []);
  });
});
