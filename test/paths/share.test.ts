import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { openDirectory } from '../../src/paths/policies.ts';
import { shareWalks } from '../../src/paths/walk.ts';
import type { Walker } from '../../src/paths/walked.ts';
import { tempDir } from '../support/temp-dir.ts';
import { self } from './looks.ts';

test('walks of one turn are one slow walk, and the next turn looks again', async (t) => {
  const directory = tempDir(t);
  const path = join(directory, 'a/b');
  mkdirSync(path, { recursive: true });
  shareWalks();
  await turn();
  const before = descriptors();
  const first = inodeOf(path);
  renameSync(join(directory, 'a'), join(directory, 'c'));
  mkdirSync(path, { recursive: true });
  assert.equal(inodeOf(path), first);
  assert.notEqual(inodeOf(path, { ...self, groups: [4242] }), first, 'other eyes have a walk of their own');
  await turn();
  assert.equal(descriptors(), before);
  assert.notEqual(inodeOf(path), first);
});

test('no more directories are kept than leave descriptors for the sinks', async (t) => {
  const directory = tempDir(t);
  const names = Array.from({ length: 200 }, (_, index) => join(directory, String(index)));
  for (const name of names) mkdirSync(name);
  await turn();
  const before = descriptors();
  for (const name of names) inodeOf(name);
  assert.ok(descriptors() - before <= 32, String(descriptors() - before));
  await turn();
  assert.equal(descriptors(), before);
});

function inodeOf(path: string, walker: Walker = self): bigint | undefined {
  using found = openDirectory('sink', path, walker);
  assert.equal(found.kind, 'directory');
  return 'held' in found ? found.held.stat().ino : undefined;
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
