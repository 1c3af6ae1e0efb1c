import assert from 'node:assert/strict';
import { chmodSync, lstatSync, readdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TempFile } from '../../../src/sinks/contract.ts';
import { sweepOwn } from '../../../src/sinks/write/work.ts';
import { applySinks } from '../../../src/sinks/apply.ts';
import { NOON } from '../../support/credentials.ts';
import { applyRequest, sinkAt, sinkDeps, walkerIn } from '../../support/sinks.ts';
import { tempDir } from '../../support/temp-dir.ts';

describe('sweeping', () => {
  test('removes journalled files, and forgets those that are gone with or without their directory', async (t) => {
    const directory = tempDir(t);
    const temps = ['a.1', 'b.2'].map((name) => leave(join(directory, name)));
    const gone = [join(directory, 'c.3'), join(directory, 'none/d.4')].map((path) => ({ path, inode: '1' }));
    assert.deepEqual(await sweepOwn([...temps, ...gone], walkerIn()), []);
    assert.deepEqual(readdirSync(directory), []);
  });

  test('leaves and forgets what is not the journalled file any more', async (t) => {
    const directory = tempDir(t);
    const [temp, backup, link] = ['a.1', 'b.2', 'c.3'].map((name) => join(directory, name)) as [string, string, string];
    const journalled = leave(temp);
    // Kept under another name, so that its inode is not given to the next.
    renameSync(temp, `${temp}.old`);
    writeFileSync(temp, 'of the user');
    writeFileSync(backup, 'of the user');
    symlinkSync('b.2', link);
    const others = [
      { path: backup, inode: journalled.inode },
      { path: link, inode: inodeOf(link) },
    ];
    assert.deepEqual(await sweepOwn([journalled, ...others], walkerIn()), []);
    assert.deepEqual(readdirSync(directory).sort(), ['a.1', 'a.1.old', 'b.2', 'c.3']);
  });

  test('keeps in the journal what lies where others can write by now', async (t) => {
    const directory = tempDir(t);
    const temp = leave(join(directory, 'a.1'));
    chmodSync(directory, 0o770);
    assert.deepEqual(await sweepOwn([temp], walkerIn()), [temp]);
    chmodSync(directory, 0o700);
    assert.deepEqual(await sweepOwn([temp], walkerIn()), []);
    assert.deepEqual(readdirSync(directory), []);
  });
});

describe('a temp file that no journal knows', () => {
  test('goes with the next write beside it, if it is empty, old and our own', async (t) => {
    const directory = tempDir(t);
    const old = new Date(NOON - 120_000);
    const names = ['.a.1.crtmp', '.a.2.crtmp', '.a.3.crtmp', '.b.4.crtmp', 'a.5', '.a.6.crtmp'];
    const [, filled = '', young = ''] = names;
    for (const name of names) writeFileSync(join(directory, name), name === filled ? 'not ours to lose' : '');
    for (const name of names) utimesSync(join(directory, name), old, old);
    utimesSync(join(directory, young), new Date(NOON), new Date(NOON));
    rmSync(join(directory, '.a.6.crtmp'));
    symlinkSync('a.5', join(directory, '.a.6.crtmp'));
    await applySinks(sinkDeps(), applyRequest([sinkAt(join(directory, 'a'))]));
    assert.deepEqual(readdirSync(directory).sort(), ['a', ...names.slice(1)].sort());
  });
});

function leave(path: string): TempFile {
  writeFileSync(path, 'secret', { mode: 0o600 });
  return { path, inode: inodeOf(path) };
}

function inodeOf(path: string): string {
  return String(lstatSync(path, { bigint: true }).ino);
}
