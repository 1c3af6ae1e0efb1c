import assert from 'node:assert/strict';
import { chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { BOB, skipsWithoutRoot } from '../support/acting.ts';
import type { Report } from '../../src/report/schema.ts';
import { openSite, type Site } from '../support/agent.ts';

/** Runs `init` and `check`, and gives what was written. */
async function draft(site: Site, ...options: readonly string[]): Promise<string> {
  const target = site.path('etc/credrotate.yaml');
  const { code, stderr } = await site.run(['init', ...options, '--output', target]);
  assert.deepEqual([code, stderr], [0, '']);
  const checked = await site.run(['check', '--config', target]);
  // Units that are not there are not notified.
  const hasUnits = options.includes('--reload');
  assert.deepEqual([checked.code, checked.stderr], [hasUnits ? 74 : 0, ''], checked.stdout);
  return readFileSync(target, 'utf8');
}

describe('init', { concurrency: 4 }, () => {
  test('writes what once then does', async (t) => {
    const site = await openSite(t);
    const options = ['--dotenv', site.path('aws.env'), '--mode', '0640', '--reload', 'myapp', '--reload', 'other@1'];
    const text = await draft(site, ...options, '--aws-credentials', site.path('credentials'), '--profile', 'app');
    assert.match(
      text,
      /^ {2}- path: \S+aws\.env\n {4}format: dotenv\n {4}mode: 0640\n {4}notify: \[myapp, other-1\]$/m,
    );
    assert.match(text, /^ {2}myapp:\n(?: {4}#.*\n)* {4}type: systemd\n {4}unit: myapp\.service$/m);
    assert.match(text, /^ {4}profile: app$/m);
    assert.equal(lstatSync(site.path('etc/credrotate.yaml')).mode & 0o777, 0o644);
    assert.deepEqual(readdirSync(site.path('etc')), ['credrotate.yaml']);
    const quiet = ['--dotenv', site.path('aws.env'), '--mode', '0640', '--force'];
    await draft(site, ...quiet);
    const once = await site.run(['once', '--config', site.path('etc/credrotate.yaml')]);
    assert.equal(once.code, 0, once.stdout);
    assert.equal(lstatSync(site.path('aws.env')).mode & 0o777, 0o640);
  });

  test('says what to do next', async (t) => {
    const site = await openSite(t);
    const target = site.path('c.yaml');
    const { stdout } = await site.run(['init', '--json-file', site.path('iam.json'), '-o', target]);
    assert.match(stdout, /^\S+c\.yaml: written, 1 sink, 0 consumers\nnext:\n {2}credrotate check --config /);
    assert.ok(stdout.includes(`credrotate run --config ${target} `));
  });

  test('takes odd names as they are', async (t) => {
    const site = await openSite(t);
    const path = site.path(`a: "b" #c 'd' \\ é`);
    const text = await draft(
      site,
      '--dotenv',
      path,
      '--signal-pid-file',
      '/run/x y.pid',
      '--signal-pid-file',
      '/x-y.pid',
    );
    assert.match(text, /notify: \[x-y, x-y-2\]/);
    const { stdout } = await site.run(['check', '--json', '--config', site.path('etc/credrotate.yaml')]);
    const { sinks = [] } = JSON.parse(stdout) as Report;
    assert.deepEqual(
      sinks.map((sink) => sink.path),
      [path],
    );
  });

  test('replaces a configuration without sinks, and one with sinks only with --force', async (t) => {
    const site = await openSite(t);
    const target = site.path('c.yaml');
    const args = ['init', '--json-file', site.path('iam.json'), '--output', target];
    for (const given of ['sinks: [{ path: /a, format: json }]\n', 'sinks: {\n', 'consumers: { a: { type: x } }\n']) {
      writeFileSync(target, given);
      const { code, stderr } = await site.run(args);
      assert.equal(code, 64);
      assert.match(stderr, /USAGE: .*c\.yaml: expected a configuration that may be replaced, .*\n {2}hint: .*--force/);
      assert.equal(readFileSync(target, 'utf8'), given);
      assert.equal((await site.run([...args, '--force'])).code, 0);
    }
    writeFileSync(target, readFileSync(new URL('../../etc/credrotate.yaml', import.meta.url)));
    assert.equal((await site.run(args)).code, 0);
    assert.match(readFileSync(target, 'utf8'), /iam\.json/);
  });

  test('writes a file of conf.d only if it goes with those that are there', async (t) => {
    const site = await openSite(t);
    const target = site.path('etc/conf.d/sinks.yaml');
    const args = ['init', '--json-file', site.path('iam.json'), '--output', target];
    const { code, stdout } = await site.run(args);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /sinks\.yaml: written, 1 sink, .*\n.*\n {2}credrotate check --config \S+etc\/credrotate\.yaml /,
    );
    assert.equal((await site.run(['check', '--config', site.path('etc/credrotate.yaml')])).code, 0);
    const other = await site.run([...args.slice(0, -1), site.path('etc/conf.d/other.yaml')]);
    assert.equal(other.code, 78);
    assert.match(other.stderr, /sinks\.yaml.*expected a file of its own, got that of \S+other\.yaml/);
    assert.deepEqual(readdirSync(site.path('etc/conf.d')), ['sinks.yaml']);
  });

  // Whoever owns the directory could swap what root opens there.
  test('as root makes nothing where somebody else could put something in its place', async (t) => {
    if (skipsWithoutRoot(t)) return;
    const site = await openSite(t);
    mkdirSync(site.path('bobs'));
    chownSync(site.path('bobs'), BOB, BOB);
    for (const target of ['bobs/c.yaml', 'bobs/new/c.yaml']) {
      const args = ['init', '--json-file', site.path('iam.json'), '--force', '--output', site.path(target)];
      const { code, stderr } = await site.run(args);
      assert.equal(code, 78);
      assert.match(
        stderr,
        /CONFIG_UNSAFE: \S+\/c\.yaml: \S+\/bobs: expected a path of root alone, .*\n {2}hint: .*--output/,
      );
    }
    assert.deepEqual(readdirSync(site.path('bobs')), []);
  });

  test('prints with --output -, and writes nothing', async (t) => {
    const site = await openSite(t);
    const { code, stdout } = await site.run(['init', '--json-file', 'iam.json', '-o', '-'], { cwd: site.directory });
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^ {2}- path: ${site.path('iam.json')}$`, 'm'));
    assert.deepEqual(readdirSync(site.directory).sort(), ['home', 'run', 'state']);
  });

  const wrong: readonly [what: string, args: readonly string[], code: number, message: RegExp][] = [
    ['nothing named, and no terminal', [], 64, /USAGE: init: expected options that name sinks, or a terminal/],
    ['a unit that is none', ['--dotenv', '/a', '--reload', 'a b'], 64, /--reload.*expected a systemd unit/],
    ['our own unit', ['--dotenv', '/a', '--reload', 'credrotate'], 64, /expected a unit other than our own/],
    ['a mode that is none', ['--dotenv', '/a', '--mode', 'rw'], 78, /^--mode: expected permission bits/],
    ['one file twice', ['--dotenv', '/a', '--json-file', '/a'], 78, /^--json-file: expected a file of its own/],
  ];
  for (const [what, args, code, message] of wrong) {
    test(`refuses ${what}`, async (t) => {
      const site = await openSite(t);
      const ended = await site.run(['init', ...args, '--output', site.path('c.yaml')]);
      assert.equal(ended.code, code, ended.stderr);
      assert.match(ended.stderr, message);
      assert.deepEqual(readdirSync(site.directory).sort(), ['home', 'run', 'state']);
    });
  }

  test('names who may write there when it may not', async (t) => {
    const site = await openSite(t);
    writeFileSync(site.path('file'), '');
    const target = site.path('file/c.yaml');
    const { code, stderr } = await site.run(['init', '--json-file', '/iam.json', '--output', target]);
    assert.equal(code, 78);
    assert.match(stderr, /CONFIG_UNREADABLE: .*cannot be written: E.*\n {2}hint: run it as root/);
  });
});
