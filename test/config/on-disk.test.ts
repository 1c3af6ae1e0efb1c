import assert from 'node:assert/strict';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig, inForceOf, lookOnDisk } from '../../src/config/load.ts';
import { needsRoot, NOBODY } from '../support/consumer.ts';
import { tempDir } from '../support/temp-dir.ts';

test('says since when another configuration is there', (t) => {
  const { path, inForce, options } = read(tempDir(t));
  assert.deepEqual(lookOnDisk(inForce, options), { state: 'in_force' });
  const before = Date.now() - 1_000;
  writeFileSync(path, 'sinks: []\nstartup_wait: 7s\n');
  const { state, since = '' } = lookOnDisk(inForce, options);
  assert.equal(state, 'edited');
  assert.ok(Date.parse(since) >= before, since);
});

// Cause: root asked by name when a file was changed that its new owner could serve, and let root wait for ever.
test('asks nothing of a configuration that became a user’s', { skip: needsRoot }, (t) => {
  const directory = tempDir(t);
  const { inForce, options } = read(directory);
  chownSync(join(directory, 'etc'), NOBODY, NOBODY);
  const { state, since } = lookOnDisk(inForce, options);
  assert.deepEqual([state, since], ['refused', undefined]);
});

function read(directory: string) {
  const path = join(directory, 'etc/credrotate.yaml');
  mkdirSync(join(directory, 'etc'), { mode: 0o755 });
  writeFileSync(path, 'sinks: []\n');
  const options = { uid: process.getuid?.() ?? 0, validatePattern: () => undefined };
  const result = loadConfig(path, options);
  assert.ok(result.ok);
  return { path, options, inForce: inForceOf(result.config) ?? assert.fail() };
}
