import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { examine, type FileStat, type FileTree } from '../../src/config/trust.ts';
import { tempDir } from '../support/temp-dir.ts';
import { loadFrom } from './harness.ts';

const isRoot = process.getuid?.() === 0;
const YAML = 'sinks: [{ path: /a, format: json }]\n';

/** `owner mode` of each path, or `-> target`; the type is told by the children. */
function fakeTree(entries: Readonly<Record<string, string>>): FileTree {
  const paths = Object.keys(entries);
  const stat = (path: string): FileStat => {
    const entry = entries[path];
    if (entry === undefined) throw Object.assign(new Error(path), { code: 'ENOENT', syscall: 'lstat' });
    const ino = BigInt(paths.indexOf(path));
    const link = /^(\d+) ->/.exec(entry);
    if (link) return { dev: 1n, ino, mode: 0o120777n, uid: BigInt(link[1] ?? 0) };
    const [uid = '0', mode = '755'] = entry.split(' ');
    const isDirectory = paths.some((other) => other.startsWith(`${path}/`)) || path === '/';
    const type = isDirectory ? 0o040000n : 0o100000n;
    return { dev: 1n, ino, mode: type | BigInt(Number.parseInt(mode, 8)), uid: BigInt(uid) };
  };
  return {
    lstat: stat,
    readlink: (path) => (entries[path] ?? '').replace(/^\d+ -> /, ''),
  };
}

describe('who can change what a path leads to', () => {
  const ROOT = { '/': '0 755', '/etc': '0 755', '/etc/c.yaml': '0 644', '/home': '0 755', '/tmp': '0 1777' };
  const cases: Readonly<Record<string, readonly [Readonly<Record<string, string>>, string, string]>> = {
    'root alone': [{}, '/etc/c.yaml', 'nobody'],
    'the owner of the file': [{ '/etc/c.yaml': '1000 644' }, '/etc/c.yaml', '/etc/c.yaml owner uid 1000'],
    'its group': [{ '/etc/c.yaml': '0 664' }, '/etc/c.yaml', '/etc/c.yaml mode 0664'],
    everybody: [{ '/etc/c.yaml': '0 646' }, '/etc/c.yaml', '/etc/c.yaml mode 0646'],
    'the group of a directory': [{ '/etc': '0 775' }, '/etc/c.yaml', '/etc mode 0775'],
    'a user, of a file of root in their home': [
      { '/home/al': '1000 755', '/home/al/c.yaml': '0 644' },
      '/home/al/c.yaml',
      '/home/al owner uid 1000',
    ],
    'nobody, of a file of root in /tmp': [{ '/tmp/c.yaml': '0 644' }, '/tmp/c.yaml', 'nobody'],
    'the maker of a file in /tmp': [{ '/tmp/c.yaml': '1000 644' }, '/tmp/c.yaml', '/tmp/c.yaml owner uid 1000'],
    'nobody, of a link of root': [{ '/etc/l': '0 -> ./c.yaml' }, '/etc/l', 'nobody'],
    'nobody, of a link of a user where root alone writes': [{ '/etc/l': '1000 -> c.yaml' }, '/etc/l', 'nobody'],
    'the maker of a link in /tmp': [{ '/tmp/l': '1000 -> /etc/c.yaml' }, '/tmp/l', '/tmp/l owner uid 1000'],
    'whoever owns what a link leads to': [
      { '/etc/l': '0 -> ../home/al/c.yaml', '/home/al': '1000 700', '/home/al/c.yaml': '0 644' },
      '/etc/l',
      '/home/al owner uid 1000',
    ],
    'whoever owns the directory of a link on the way': [
      { '/etc/l': '0 -> /home/al/m', '/home/al': '1000 700', '/home/al/m': '1000 -> /etc/c.yaml' },
      '/etc/l',
      '/home/al owner uid 1000',
    ],
  };
  for (const [name, [entries, path, expected]] of Object.entries(cases)) {
    test(name, () => {
      const { weakness } = examine(path, fakeTree({ ...ROOT, ...entries }));
      assert.equal(weakness ? `${weakness.path} ${weakness.got}` : 'nobody', expected);
    });
  }

  test('a link that leads to itself ends', () => {
    assert.throws(() => examine('/etc/l', fakeTree({ ...ROOT, '/etc/l': '0 -> l' })), { code: 'ELOOP' });
  });

  test('the file at the end is told from others', () => {
    const files = fakeTree({ ...ROOT, '/etc/l': '0 -> c.yaml' });
    const [direct, linked, other] = ['/etc/c.yaml', '/etc/l', '/etc'].map((path) => examine(path, files));
    assert.equal(direct?.identity, linked?.identity);
    assert.notEqual(direct?.identity, other?.identity);
  });
});

describe('for root, a configuration that somebody else can change', () => {
  test('is refused with the remedy', (t) => {
    const directory = tempDir(t);
    const file = join(directory, 'credrotate.yaml');
    writeFileSync(file, YAML);
    chmodSync(file, 0o666);
    const { result, text } = loadFrom(directory, 0);
    assert.equal(!result.ok && result.problems[0]?.code, 'CONFIG_UNSAFE');
    assert.match(text, isRoot ? /got mode 0666/ : /got owner uid \d+/);
    const remedy = `sudo install -m 644 -o root -g root credrotate.yaml /etc/credrotate/credrotate.yaml`;
    assert.ok(text.includes(`hint: look it through, then: ${remedy}\n`), text);
  });

  test('the same for a drop-in and its directory', (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'conf.d'));
    writeFileSync(join(directory, 'conf.d/a.yaml'), YAML);
    chmodSync(join(directory, 'conf.d'), 0o777);
    const { text } = loadFrom(directory, 0);
    assert.match(text, /^conf.d: expected .* to be root's/m);
    assert.match(text, /credrotate\/conf\.d\/a\.yaml$/m);
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
      /^credrotate.yaml:2:44: consumers.mine.command\[0\]: expected hook to be root's.*got mode 0777$/m,
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

  test('one of its own is read, through a link and below /tmp', (t) => {
    if (!isRoot || tmpdir() !== '/tmp') {
      t.skip('needs root: a file that is root’s, below /tmp');
      return;
    }
    const directory = tempDir(t);
    writeFileSync(join(directory, 'real.yaml'), YAML);
    symlinkSync('real.yaml', join(directory, 'credrotate.yaml'));
    assert.equal(loadFrom(directory, 0).result.ok, true);
    chownSync(join(directory, 'real.yaml'), 65534, 0);
    const { text } = loadFrom(directory, 0);
    assert.match(text, /expected real.yaml to be root's, .* got owner uid 65534/);
  });
});
