import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Fetched } from '../../src/core/contracts.ts';
import { readState } from '../../src/rotation/store.ts';
import { ownDirectory } from '../support/own.ts';
import { HOUR, NOON } from '../support/credentials.ts';
import { AWAY, gives, resultsOf, setUp } from './stage.ts';
import { configOf, execConsumer, jsonSink } from '../support/topology.ts';

describe('credentials that are better, and where they are', () => {
  // Cause: nobody looked at the files, and all was said to be well.
  test('of a new process says which files are up to date while the source is away, and leaves them alone', async (t) => {
    const stage = setUp(t);
    await stage.pass();
    stage.restart();
    stage.answer = AWAY;
    const report = await stage.pass();
    assert.equal(report.source.state, 'stale');
    assert.deepEqual(resultsOf(report), [['unchanged', undefined, []]]);
    chmodSync(stage.path, 0o644);
    assert.deepEqual(resultsOf(await stage.pass()), [['outdated', 'SINK_OUTDATED', ['bytes', 'mode']]]);
    assert.equal(statSync(stage.path).mode & 0o777, 0o644);
    rmSync(stage.path);
    assert.deepEqual(resultsOf(await stage.pass()), [['outdated', 'SINK_OUTDATED', ['missing']]]);
    assert.equal(existsSync(stage.path), false);
    stage.answer = gives('A');
    assert.deepEqual(resultsOf(await stage.pass()), [['repaired', undefined, ['missing']]]);
  });

  test('keeps the better credentials while one file has them, and takes earlier ones when none does', async (t) => {
    const stage = setUp(t);
    const other = join(stage.directory, 'other.json');
    stage.config = configOf([jsonSink(stage.path, 'web'), jsonSink(other, 'web')], [execConsumer('web')]);
    await stage.pass();
    stage.restart();
    stage.answer = gives('B', { expiration: NOON + 5 * HOUR });
    rmSync(other);
    const kept = await stage.pass();
    assert.equal(kept.source.error?.code, 'CREDENTIALS_OLDER');
    assert.deepEqual(
      resultsOf(kept).map(([result]) => result),
      ['unchanged', 'outdated'],
    );
    rmSync(stage.path);
    const taken = await stage.pass();
    assert.deepEqual([taken.source.error, taken.rotated, taken.generation], [undefined, true, 2]);
    assert.deepEqual(
      resultsOf(taken).map(([result]) => result),
      ['written', 'written'],
    );
  });

  test('keeps the better credentials while the file that may have them is refused', async (t) => {
    const stage = setUp(t);
    const shared = join(stage.directory, 'shared');
    mkdirSync(shared, { mode: 0o755 });
    stage.config = configOf([jsonSink(join(shared, 'iam.json'), 'web')], [execConsumer('web')]);
    await stage.pass();
    stage.restart();
    chmodSync(shared, 0o777);
    stage.answer = gives('B', { expiration: NOON + 5 * HOUR });
    const kept = await stage.pass();
    assert.deepEqual(resultsOf(kept), [['refused', 'SINK_UNSAFE_PATH', []]]);
    assert.deepEqual([kept.source.error?.code, kept.rotated], ['CREDENTIALS_OLDER', false]);
  });

  test('takes earlier credentials when an administrator said so, and notifies everybody at once', async (t) => {
    const stage = setUp(t);
    stage.config = configOf([jsonSink(stage.path, 'web')], [{ ...execConsumer('web'), when: 'expiring' }]);
    await stage.pass();
    stage.answer = gives('B', { expiration: NOON + 5 * HOUR });
    assert.equal((await stage.pass()).rotated, false);
    const taken = await stage.pass({ acceptedBy: 0 });
    assert.deepEqual([taken.rotated, taken.source.error], [true, undefined]);
    assert.equal(readState(ownDirectory(stage.directory)).consumers['web']?.pending?.urgent, true);
    // Never what has expired.
    stage.answer = { ok: false, state: 'expired', error: { code: 'IMDS_EXPIRED', message: 'old' } };
    assert.equal((await stage.pass({ acceptedBy: 0 })).rotated, false);
  });

  test('takes earlier credentials of another endpoint', async (t) => {
    const stage = setUp(t);
    const at = (endpoint: string, answer: Extract<Fetched, { ok: true }>): Fetched => ({
      ...answer,
      origin: { ...answer.origin, endpoint },
    });
    stage.answer = at('http://127.0.0.1:1', gives('A'));
    await stage.pass();
    stage.answer = at('http://127.0.0.1:2', gives('B', { expiration: NOON + 5 * HOUR }));
    const report = await stage.pass();
    assert.deepEqual([report.rotated, report.source.movedFrom?.endpoint], [true, 'http://127.0.0.1:1']);
  });
});
