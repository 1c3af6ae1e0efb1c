import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { wasDeleted } from '../../../src/sinks/place/existing.ts';
import { eventually } from '../../support/eventually.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** A file that was written after its directory was made, and the time of that. */
async function left(t: TestContext): Promise<{ readonly path: string; readonly at: number }> {
  const directory = join(tempDir(t), 'd');
  mkdirSync(directory);
  const path = join(directory, 'file');
  const { birthtimeMs } = statSync(directory);
  await eventually('a later millisecond', () => Date.now() > birthtimeMs + 1);
  writeFileSync(path, '');
  return { path, at: Date.now() };
}

/** Until a change of now is later than the file. */
const later = (at: number): Promise<void> => eventually('a later millisecond', () => Date.now() > at + 10);

describe('a file of a former sink', () => {
  test('was deleted where its directory has changed since', async (t) => {
    const { path, at } = await left(t);
    assert.equal(wasDeleted(path, at), false);
    await later(at);
    rmSync(path);
    assert.equal(wasDeleted(path, at), true);
    assert.equal(wasDeleted(path, at + 3_600_000), false, 'an older directory, as below what was mounted on it');
  });

  // Cause: a new file system at the same place counted as the old one, from which the file was deleted.
  test('was not deleted where its directory is younger, or is not there', async (t) => {
    const { path, at } = await left(t);
    await later(at);
    renameSync(join(path, '..'), `${join(path, '..')}.unmounted`);
    assert.equal(wasDeleted(path, at), false);
    mkdirSync(join(path, '..'));
    assert.equal(wasDeleted(path, at), false);
  });
});
