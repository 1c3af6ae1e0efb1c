import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { Directory, MountedOver } from '../../src/paths/held.ts';
import { makeDirectory, openDirectory } from '../../src/paths/policies.ts';
import { tempDir } from '../support/temp-dir.ts';

const self = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };

function opened(t: TestContext, path: string): Directory {
  const found = openDirectory('own', path, self);
  assert.ok(found.kind === 'directory');
  t.after(() => {
    found[Symbol.dispose]();
  });
  return found.held;
}

describe('a directory that is held', () => {
  test('stays itself when it is moved away and another comes in its place', (t) => {
    const base = tempDir(t);
    mkdirSync(join(base, 'a'));
    const directory = opened(t, join(base, 'a'));
    renameSync(join(base, 'a'), join(base, 'moved'));
    mkdirSync(join(base, 'a'));
    writeFileSync(directory.at('file'), 'x');
    assert.equal(readFileSync(join(base, 'moved/file'), 'utf8'), 'x');
  });

  test('has no names that lead out of it', (t) => {
    const directory = opened(t, tempDir(t));
    for (const name of ['', '.', '..', 'a/b', '/etc']) assert.throws(() => directory.at(name), /expected a name in it/);
  });

  test('is of no use when it is closed', (t) => {
    const directory = opened(t, tempDir(t));
    directory[Symbol.dispose]();
    directory[Symbol.dispose]();
    assert.throws(() => directory.at('a'), /used after it was closed/);
  });

  // Cause: what is kept for root was counted, which the confined agent may not use.
  test('has as much room as its file system has for others than root', (t) => {
    const path = tempDir(t);
    const { blockBytes, blocks, files } = opened(t, path).room();
    const { bavail, bsize, ffree } = statfsSync(path);
    assert.equal(blockBytes, bsize);
    // Others write there meanwhile.
    assert.ok(Math.abs(blocks - bavail) * bsize < 256 << 20);
    assert.ok(files === Infinity || Math.abs(files - ffree) < 100_000);
  });

  test('finds what is on its own mount', () => {
    using root = Directory.root();
    assert.throws(() => root.find('proc'), MountedOver);
    assert.equal(root.find('credrotate-none'), undefined);
  });
});

describe('directories that are made', () => {
  test('have their mode whatever the umask, and the others stay', (t) => {
    const base = tempDir(t);
    const umask = process.umask(0o277);
    try {
      makeDirectory('own', join(base, 'a/b'), self, 0o711)[Symbol.dispose]();
      makeDirectory('own', join(base, 'a/b/c'), self, 0o700)[Symbol.dispose]();
    } finally {
      process.umask(umask);
    }
    const modes = ['a', 'a/b', 'a/b/c'].map((name) => statSync(join(base, name)).mode & 0o7777);
    assert.deepEqual(modes, [0o711, 0o711, 0o700]);
  });

  test('are not made where others make entries', () => {
    const make = (): unknown => makeDirectory('own', '/tmp/credrotate-none', self, 0o700);
    assert.throws(make, { code: 'STATE_UNSAFE', message: /everybody can make files/ });
  });
});
