import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { formatProblems } from '../../src/config/problem.ts';
import { testAsOrdinaryUser } from '../support/ordinary-user.ts';
import { tempDir } from '../support/temp-dir.ts';
import { load, loadFrom } from './harness.ts';

const SINK = (path: string): string => `sinks: [{ path: ${path}, format: json }]\n`;

describe('drop-ins', () => {
  test('are joined in name order: lists, settings and names', (t) => {
    const { result, text } = load(t, {
      'credrotate.yaml': `${SINK('/main')}refresh: { max_interval: 1m }\nlog: { level: debug }`,
      'conf.d/20-b.yaml': `sinks: [{ path: /b, format: json, notify: [x, y] }]\nconsumers: { y: { type: systemd, unit: y } }`,
      'conf.d/10-a.yaml': `${SINK('/a')}consumers: { x: { type: systemd, unit: x } }\nlog: { format: json }`,
      'conf.d/Z.yaml': `${SINK('/z')}refresh: { max_interval: 1m }`,
    });
    assert.equal(text, '');
    assert.ok(result.ok);
    const { config } = result;
    assert.deepEqual(
      config.sinks.map(({ path }) => path),
      ['/main', '/a', '/b', '/z'],
    );
    assert.deepEqual(
      config.consumers.map(({ name }) => name),
      ['x', 'y'],
    );
    assert.deepEqual(config.log, { level: 'debug', format: 'json' });
    assert.equal(config.refresh.maxInterval, 60_000);
    assert.deepEqual(
      config.files.map((file) => file.replace(/.*credrotate-test-[^/]*\//, '')),
      ['credrotate.yaml', 'conf.d/10-a.yaml', 'conf.d/20-b.yaml', 'conf.d/Z.yaml'],
    );
  });

  test('later ones count for settings of the same name, which is noted', (t) => {
    const { result, text } = load(t, {
      'credrotate.yaml': 'sinks: []\nlog: { level: info, format: text }',
      'conf.d/10.yaml': 'log: { level: warn }\nlockdown: { allow_users: [a] }',
      'conf.d/20.yaml': 'log: { level: debug }\nlockdown: { allow_users: [b] }',
    });
    assert.ok(result.ok, text);
    assert.deepEqual(result.config.log, { level: 'debug', format: 'text' });
    assert.deepEqual(result.config.lockdown.allowUsers, ['a', 'b']);
    assert.deepEqual(text.match(/^conf.*note: .*/gm), [
      'conf.d/10.yaml:1:15: note: log.level: "warn" counts, in place of "info" in credrotate.yaml:2:15',
      'conf.d/20.yaml:1:15: note: log.level: "debug" counts, in place of "warn" in conf.d/10.yaml:1:15',
    ]);
  });

  test('may not name a consumer of another file, the same or not', (t) => {
    const { text } = load(t, {
      'credrotate.yaml':
        'sinks: [{ path: /a, format: json, notify: [x] }]\nconsumers: { x: { type: systemd, unit: x } }\nstartup_wait: 1m',
      'conf.d/a.yaml':
        'startup_wait: 2m\nconsumers: { x: { type: systemd, unit: y } }\nsinks: [{ path: /a, format: dotenv }]',
    });
    assert.equal(
      text,
      `conf.d/a.yaml:2:17: consumers.x: expected a name of its own, got that of credrotate.yaml:2:17
  hint: keep one of the two, or rename it
conf.d/a.yaml:3:17: sinks[0].path: expected a file of its own, got that of credrotate.yaml:1:17
  hint: sinks of one file differ in profile, section, prefix, names or keys, and are alike in format, owner, group and mode
`,
    );
    const same = 'consumers: { x: { type: systemd, unit: x } }';
    const twice = load(t, { 'credrotate.yaml': `${SINK('/a')}${same}`, 'conf.d/a.yaml': same });
    assert.match(twice.text, /^conf\.d\/a\.yaml:1:17: consumers\.x: expected a name of its own/m);
  });

  // Cause: the state and the command line know sinks by this text.
  test('may not have two sinks that are named alike', (t) => {
    const { text } = load(t, {
      'credrotate.yaml': 'sinks: [{ path: /a, format: aws-credentials, profile: x }]',
      'conf.d/a.yaml': 'sinks: [{ path: "/a [x]", format: json }, { path: "/a [y]", format: json }]',
    });
    assert.equal(
      text,
      `conf.d/a.yaml:1:17: sinks[0].path: expected a path that names no other sink, got "/a [x]", as at credrotate.yaml:1:17
  hint: choose another path
`,
    );
  });

  test('tell their problems together with those of the others', (t) => {
    const { text } = load(t, {
      'credrotate.yaml': SINK('a'),
      'conf.d/a.yaml': 'sinks: {}',
      'conf.d/b.yaml': '',
      'conf.d/c.yaml': 'sinks: [{ path: /c, format: json, notify: [nobody] }]\nrefresh: []',
      'conf.d/d.yaml': 'log: {',
    });
    assert.deepEqual(text.match(/^\S+: \S+ /gm), [
      'credrotate.yaml:1:17: sinks[0].path: ',
      'conf.d/a.yaml:1:8: sinks: ',
      'conf.d/b.yaml:1:1: expected ',
      'conf.d/c.yaml:2:10: refresh: ',
      'conf.d/d.yaml:1:7: expected ',
    ]);
  });

  test('are what ends in .yaml and is not hidden', (t) => {
    const { result, text } = load(t, {
      'credrotate.yaml': SINK('/a'),
      'conf.d/.hidden.yaml': '{',
      'conf.d/README': '{',
      'conf.d/a.yaml.dpkg-old': '{',
      'conf.d/b.yml': '{',
    });
    assert.ok(result.ok);
    assert.equal(text, 'conf.d/b.yml: warning: expected a name ending in .yaml, got .yml: it is not read\n');
  });

  test('are in a directory', (t) => {
    const { text } = load(t, { 'credrotate.yaml': SINK('/a'), 'conf.d': 'x' });
    assert.equal(text, 'conf.d: expected a directory, got ENOTDIR on scandir\n');
  });
});

describe('a file that cannot be read as a configuration', () => {
  const contents: Readonly<Record<string, readonly [string | Buffer, string]>> = {
    empty: ['', '1:1: expected settings such as sinks, got an empty file'],
    'UTF-16': [Buffer.from('\ufeffsinks: []', 'utf16le'), ' expected YAML in UTF-8, got UTF-16'],
    'latin-1': [Buffer.from('# \xe9\nsinks: []', 'latin1'), ' expected YAML in UTF-8, got other bytes'],
    binary: [Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 0, 0]), ' expected YAML in UTF-8, got other bytes'],
    huge: [`#${'x'.repeat(1024 * 1024)}`, ' expected at most 1048576 bytes, got 1048577'],
    nested: ['['.repeat(50_000), ' expected settings, got lists or maps nested too deeply'],
    'nested in YAML alone': [`a: ${'['.repeat(100)}${']'.repeat(100)}`, '1:20: a[0][0]'],
  };
  for (const [name, [content, message]] of Object.entries(contents)) {
    test(name, (t) => {
      const { text } = load(t, { 'credrotate.yaml': content });
      assert.ok(text.startsWith(`credrotate.yaml:${message}`), text);
    });
  }

  test('missing beside its conf.d: that alone is the configuration', (t) => {
    const { result, text } = load(t, { 'conf.d/a.yaml': SINK('/a'), 'conf.d/b.yaml': SINK('/b') });
    assert.deepEqual(result.ok && result.config.sinks.map(({ path }) => path), ['/a', '/b']);
    assert.deepEqual(result.ok && result.config.files.map((file) => basename(file)), ['a.yaml', 'b.yaml']);
    assert.equal(text, '');
  });

  test('missing beside a conf.d in which nothing is yet', (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'conf.d'));
    const { result, text } = loadFrom(directory);
    assert.deepEqual(result.ok && result.config.files, [join(directory, 'conf.d')]);
    assert.equal(text, 'conf.d: warning: sinks: expected at least one sink, got none: nothing will be written\n');
  });

  test('of another name must be there: somebody chose it', (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'conf.d'));
    const result = loadConfig(join(directory, 'other.yaml'), { uid: 1000, validatePattern: () => undefined });
    assert.ok(!result.ok);
    assert.match(formatProblems(result.problems), /other\.yaml: expected a file, got nothing there\n/);
  });

  test('missing, with no conf.d', (t) => {
    const { text } = loadFrom(tempDir(t));
    assert.equal(
      text,
      'credrotate.yaml: expected a file, got nothing there\n  hint: write one there, or name another with --config\n',
    );
  });

  test('a directory', (t) => {
    const directory = tempDir(t);
    mkdirSync(join(directory, 'credrotate.yaml'));
    const { text } = loadFrom(directory);
    assert.equal(text, 'credrotate.yaml: expected a regular file, got a directory\n');
  });

  test('a FIFO, without waiting for its writer', (t) => {
    const directory = tempDir(t);
    execFileSync('mkfifo', [join(directory, 'credrotate.yaml')]);
    const { text } = loadFrom(directory);
    assert.equal(text, 'credrotate.yaml: expected a regular file, got a FIFO\n');
  });

  testAsOrdinaryUser(import.meta.filename, 'one that we may not read', (t) => {
    const directory = tempDir(t);
    writeFileSync(join(directory, 'credrotate.yaml'), SINK('/a'));
    chmodSync(join(directory, 'credrotate.yaml'), 0);
    const { text } = loadFrom(directory);
    assert.match(text, /^credrotate.yaml: expected a file, got EACCES on open\n {2}hint: run it as root/);
  });
});

test('a byte order mark and CRLF are no problem', (t) => {
  const { result } = load(t, { 'credrotate.yaml': `\ufeff${SINK('/a')}log: {}\n`.replaceAll('\n', '\r\n') });
  assert.equal(result.ok, true);
});

test('a thousand sinks are read', (t) => {
  const sinks = Array.from({ length: 1000 }, (_, index) => `  - { path: /s/${String(index)}, format: dotenv }\n`);
  const { result } = load(t, { 'credrotate.yaml': `sinks:\n${sinks.join('')}` });
  assert.equal(result.ok && result.config.sinks.length, 1000);
});
