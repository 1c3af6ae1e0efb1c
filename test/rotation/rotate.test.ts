import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { knownIdentity } from '../../src/rotation/state.ts';
import { readState } from '../../src/rotation/store.ts';
import { ownDirectory } from '../support/own.ts';
import { HOUR, NOON } from '../support/credentials.ts';
import { AWAY, gives, resultsOf, setUp } from './stage.ts';

describe('a pass', () => {
  test('has what is pending and the journal on disk, and no record of the old file, before it writes', async (t) => {
    const stage = setUp(t);
    await stage.pass();
    stage.answer = gives('B');
    const report = await stage.pass();
    assert.equal(report.rotated, true);
    const { journalled } = stage;
    assert.equal(journalled?.sources['instance']?.generation, 2);
    assert.equal(journalled.consumers['web']?.pending?.generations['instance'], 2);
    assert.equal(journalled.temps.length, 1);
    // With the old record, a consumer that started between two rotations would count as fresh after a kill.
    assert.deepEqual(journalled.sinks, {});
    const after = readState(ownDirectory(stage.directory));
    assert.deepEqual(after.temps, []);
    assert.deepEqual(Object.keys(after.sinks), [stage.path]);
  });

  test('keeps no record of a file that was renamed and is not as it was made', async (t) => {
    const stage = setUp(t);
    await stage.pass();
    stage.answer = gives('B');
    stage.tamper = () => {
      appendFileSync(stage.path, '\n');
    };
    assert.deepEqual(resultsOf(await stage.pass()), [['failed', 'SINK_UNVERIFIED', ['bytes']]]);
    assert.deepEqual(readState(ownDirectory(stage.directory)).sinks, {});
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

  // As after an upgrade or a downgrade whose version of the state is another one.
  test('with a memory that cannot be used notifies everybody once, though every file is as it should be', async (t) => {
    const stage = setUp(t);
    await stage.pass();
    writeFileSync(join(stage.directory, 'state.json'), '{"version":99}');
    stage.restart();
    assert.deepEqual(resultsOf(await stage.pass()), [['unchanged', undefined, []]]);
    const pending = (): string | undefined =>
      readState(ownDirectory(stage.directory)).consumers['web']?.pending?.reason;
    assert.equal(pending(), 'first');
    await stage.deliver();
    await stage.pass();
    assert.equal(pending(), undefined);
  });

  test('whose state could not be written, and which was killed, leaves what the next process notifies of', async (t) => {
    const stage = setUp(t);
    await stage.pass();
    await stage.deliver();
    const state = join(stage.directory, 'state.json');
    renameSync(state, `${state}.before`);
    mkdirSync(state);
    stage.answer = gives('B');
    assert.equal((await stage.pass()).errors[0]?.code, 'STATE_UNWRITABLE');
    rmdirSync(state);
    renameSync(`${state}.before`, state);
    stage.restart();
    assert.equal((await stage.pass()).rotated, true);
    assert.equal(readState(ownDirectory(stage.directory)).consumers['web']?.pending?.generations['instance'], 2);
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
    assert.deepEqual(resultsOf(report), [['outdated', 'SINK_OUTDATED', ['missing']]]);
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
    const identity = {
      endpoint: 'http://127.0.0.1:1',
      instanceId: 'i-1',
      accountId: '210987654321',
      region: 'eu-west-1',
    };
    stage.answer = { ...gives('A'), identity };
    await stage.pass();
    stage.restart();
    assert.deepEqual(knownIdentity(readState(ownDirectory(stage.directory)), 'this'), { bootId: 'this', ...identity });
    assert.equal(knownIdentity(readState(ownDirectory(stage.directory)), 'next'), undefined);
  });

  test('that did not find out the instance does not take over what an earlier boot found', async (t) => {
    const stage = setUp(t);
    const identity = {
      endpoint: 'http://127.0.0.1:1',
      instanceId: 'i-1',
      accountId: '210987654321',
      region: 'eu-west-1',
    };
    stage.answer = { ...gives('A'), identity };
    await stage.pass();
    stage.restart('next');
    stage.answer = gives('B');
    await stage.pass();
    assert.equal(knownIdentity(readState(ownDirectory(stage.directory)), 'next'), undefined);
  });
});
