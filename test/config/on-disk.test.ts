import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { inForceOf, loadConfig, lookOnDisk, type LoadOptions } from '../../src/config/load.ts';
import type { Config } from '../../src/core/config.ts';
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

test('a template is a part of it, and no drift', (t) => {
  const directory = tempDir(t);
  const template = join(directory, 'template');
  writeFileSync(template, '{{ session_token }}\n');
  const text = `sinks: [{ path: /a, format: template, template_file: ${template} }]\n`;
  const { path, inForce, options } = read(directory, text);
  const [sink] = loaded(path, options).sinks;
  assert.equal(sink?.format === 'template' && sink.template, '{{ session_token }}\n');
  assert.deepEqual(lookOnDisk(inForce, options), { state: 'in_force' });
  writeFileSync(template, '{{ session_token }}');
  assert.equal(lookOnDisk(inForce, options).state, 'edited');
  writeFileSync(template, 'x\n {{ token }}');
  const { state, problem } = lookOnDisk(inForce, options);
  assert.equal(state, 'refused');
  assert.match(problem ?? '', /^\S*\/template:2:2: sinks\[0\]\.template: expected a field/);
  chmodSync(template, 0o666);
  if (options.uid === 0) assert.match(lookOnDisk(inForce, options).problem ?? '', /alone can write, got mode 0666/);
});

function loaded(path: string, options: LoadOptions): Config {
  const result = loadConfig(path, options);
  assert.ok(result.ok);
  return result.config;
}

function read(directory: string, text = 'sinks: []\n') {
  const path = join(directory, 'etc/credrotate.yaml');
  mkdirSync(join(directory, 'etc'), { mode: 0o755 });
  writeFileSync(path, text);
  const options = { uid: process.getuid?.() ?? 0, validatePattern: () => undefined };
  return { path, options, inForce: inForceOf(loaded(path, options)) ?? assert.fail() };
}
