import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { tempDir } from '../support/temp-dir.ts';
import { loadFrom } from './harness.ts';

const isRoot = process.getuid?.() === 0;
const YAML = 'sinks: [{ path: /a, format: json }]\n';

describe('for root, a configuration that somebody else can change', () => {
  test('is refused with the remedy', (t) => {
    const directory = tempDir(t);
    const file = join(directory, 'credrotate.yaml');
    writeFileSync(file, YAML);
    chmodSync(file, 0o666);
    const { result, text } = loadFrom(directory, 0);
    assert.equal(!result.ok && result.problems[0]?.code, 'CONFIG_UNSAFE');
    assert.match(text, isRoot ? /got mode 0666/ : /owned by uid \d+/);
    const remedy = `sudo install -m 644 -o root -g root credrotate.yaml /etc/credrotate/credrotate.yaml`;
    assert.ok(text.includes(`hint: look it through, then: ${remedy}\n`), text);
  });

  test('the same for a drop-in and its directory', (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'conf.d'));
    writeFileSync(join(directory, 'conf.d/a.yaml'), YAML);
    chmodSync(join(directory, 'conf.d'), 0o777);
    const { text } = loadFrom(directory, 0);
    assert.match(text, /^conf.d: conf.d: expected a directory that its owner alone can write/m);
    assert.match(text, /then: sudo chown root:root \S*conf\.d && sudo chmod go-w \S*conf\.d$/m);
  });

  test('is no business of another user', (t) => {
    const directory = tempDir(t);
    writeFileSync(join(directory, 'credrotate.yaml'), YAML, { mode: 0o666 });
    assert.equal(loadFrom(directory, 1000).result.ok, true);
  });

  test('the program of a consumer too', (t) => {
    const directory = tempDir(t);
    const program = join(directory, 'hook');
    writeFileSync(program, '#!/bin/sh\n');
    chmodSync(program, 0o777);
    writeFileSync(
      join(directory, 'credrotate.yaml'),
      `${YAML}consumers: { mine: { type: exec, command: ["${program}"] }, theirs: { type: exec, command: [/bin/sh] } }\n`,
    );
    if (!isRoot) {
      t.skip('needs root: a configuration that is safe');
      return;
    }
    const { text } = loadFrom(directory, 0);
    assert.match(
      text,
      /^credrotate.yaml:2:44: consumers.mine.command\[0\]: hook: expected a file that its owner alone can write, got mode 0777$/m,
    );
    assert.doesNotMatch(text, /theirs/);
  });

  test('a program in a home is to be copied, and the home left to its owner', (t) => {
    if (!isRoot) {
      t.skip('needs root: a configuration that is safe');
      return;
    }
    const directory = tempDir(t);
    mkdirSync(join(directory, 'home'));
    writeFileSync(join(directory, 'home/my hook'), '#!/bin/sh\n');
    chownSync(join(directory, 'home'), 65534, 65534);
    const command = join(directory, 'home/my hook');
    writeFileSync(
      join(directory, 'credrotate.yaml'),
      `${YAML}consumers: { a: { type: exec, command: ["${command}"] } }`,
    );
    const { text } = loadFrom(directory, 0);
    assert.match(
      text,
      /install -D -m 755 -o root -g root 'home\/my hook' '\/etc\/credrotate\/hooks\/my hook', and name that copy/,
    );
  });

  // Cause: one walker took `..` for the directory that the path names before it, the kernel for that of where it leads.
  test('is found by .. behind a symlink, with its drop-ins', (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'far/away'), { recursive: true });
    mkdirSync(join(directory, 'far/conf.d'));
    symlinkSync('far/away', join(directory, 'link'));
    writeFileSync(join(directory, 'far/c.yaml'), YAML);
    writeFileSync(join(directory, 'far/conf.d/b.yaml'), YAML.replace('/a', '/b'));
    for (const uid of isRoot ? [0, 1000] : [1000]) {
      const result = loadConfig(`${directory}/link/../c.yaml`, { uid, validatePattern: () => undefined });
      assert.deepEqual(result.ok && result.config.sinks.map(({ path }) => path), ['/a', '/b']);
    }
  });

  test('one of its own is read, through a link and below /tmp', (t) => {
    if (!isRoot) {
      t.skip('needs root: a file that is root’s, below /tmp');
      return;
    }
    const directory = tempDir(t);
    writeFileSync(join(directory, 'real.yaml'), YAML);
    symlinkSync('real.yaml', join(directory, 'credrotate.yaml'));
    assert.equal(loadFrom(directory, 0).result.ok, true);
    chownSync(join(directory, 'real.yaml'), 65534, 0);
    const { text } = loadFrom(directory, 0);
    assert.match(text, /real.yaml: expected a path of root alone, got a part of it owned by uid 65534/);
  });
});
