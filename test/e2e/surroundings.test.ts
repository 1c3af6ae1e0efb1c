import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { openSite, reportOf, type Site } from '../support/agent.ts';
import { needsRoot, USER } from '../support/consumer.ts';
import { eventually } from '../support/eventually.ts';

function config(site: Site): readonly string[] {
  return site.configure({ sinks: [{ path: site.path('out/iam.json'), format: 'json' }] });
}

function assertWritten(site: Site): void {
  assert.ok(readFileSync(site.path('out/iam.json'), 'utf8').includes(site.metadata.current().token));
}

describe('runs anywhere', { concurrency: 4 }, () => {
  test('without an environment that it does not need', async (t) => {
    const site = await openSite(t);
    const env = { HOME: undefined, PATH: undefined };
    const { code, stderr } = await site.run(['once', ...config(site)], { env, cwd: site.path('home') });
    assert.deepEqual([code, stderr], [0, '']);
    assertWritten(site);
  });

  test('with paths that count from where it runs', async (t) => {
    const site = await openSite(t);
    const { code, stderr } = await site.run(['once', '--json-file', 'out/iam.json'], { cwd: site.directory });
    assert.deepEqual([code, stderr], [0, '']);
    assertWritten(site);
  });

  test("but not with a runtime directory that is a user's, without a word of it", { skip: needsRoot }, async (t) => {
    const site = await openSite(t);
    chownSync(site.path('run'), USER, USER);
    const checked = await site.run(['check', ...config(site)]);
    assert.match(
      checked.stdout,
      /^warning +status: it cannot be kept \(STATE_UNSAFE: \S+\/run: expected a path of root/m,
    );
    const { code, stderr } = await site.run(['once', ...config(site)]);
    assert.equal(code, 0);
    assert.match(stderr, /warn .*\/run\/status\.json: not written: \S+\/run: expected a path of root alone/);
    assert.ok(!existsSync(site.path('run/status.json')));
    assertWritten(site);
  });

  test('with standard input closed', async (t) => {
    const site = await openSite(t);
    const through = ['/bin/sh', '-c', 'exec "$@" <&-', 'sh'];
    const { code, stderr } = await site.run(['once', ...config(site)], { through });
    assert.deepEqual([code, stderr], [0, '']);
    assertWritten(site);
  });

  test('with standard output closed', async (t) => {
    const site = await openSite(t);
    const through = ['/bin/sh', '-c', 'exec "$@" >&-', 'sh'];
    const { code, stderr } = await site.run(['once', ...config(site)], { through });
    assert.deepEqual([code, stderr], [0, '']);
    assertWritten(site);
  });

  // Cause: who reads our output may end first, as `credrotate status | head -1` does.
  test('with a reader that has gone away', async (t) => {
    const site = await openSite(t);
    for (const args of [['once', '--every', '1h', ...config(site)], ['status'], ['--help']]) {
      const running = site.start(args);
      running.process.stdout?.destroy();
      const { code, stderr } = await running.ended;
      assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    }
    assertWritten(site);
  });

  // Cause: the process ends at once when its work is done, and a pipe holds 64 KiB.
  test('with a reader that begins late, who gets every byte', async (t) => {
    const site = await openSite(t);
    const sinks = Array.from({ length: 600 }, (_, index) => ({
      path: site.path(`out/${index}.env`),
      format: 'dotenv',
    }));
    const gate = site.path('gate');
    execFileSync('mkfifo', [gate]);
    const through = ['/bin/sh', '-c', '"$@" | { cat "$0" >&2; cat; }', gate];
    const running = site.start(['once', '--json', ...site.configure({ sinks })], { through });
    await eventually('the report is about to be printed', () => existsSync(site.path('run/status.json')));
    writeFileSync(gate, '');
    const ended = await running.ended;
    assert.ok(ended.stdout.length > 64 * 1024);
    assert.equal(reportOf(ended).sinks.length, sinks.length);
  });

  test('as an ordinary user', async (t) => {
    if (isOrdinary(t)) return;
    const site = await openSite(t);
    const { code, stdout, stderr } = await site.run(['once', ...config(site)], { through: asOrdinary(site) });
    assert.deepEqual([code, stderr], [0, ''], stdout);
    const { uid, mode } = statSync(site.path('out/iam.json'));
    assert.deepEqual([uid, mode & 0o777], [ORDINARY, 0o600]);
    assertWritten(site);
  });
});

test('the agent leaves no core file, and its own user cannot look into it', async (t) => {
  const site = await openSite(t);
  const through = process.getuid?.() === 0 ? asOrdinary(site) : [];
  const agent = site.start(['run', ...config(site)], { through });
  await eventually('the files are there', () => existsSync(site.path('out/iam.json')));
  // The kernel gives the files of such a process to root.
  assert.equal(statSync(`/proc/${agent.process.pid}/environ`).uid, 0);
  assert.equal((await agent.stop()).code, 0);
});

const ORDINARY = 65_534;

/** Hands the site over; what to start a program through that is to work there. */
function asOrdinary(site: Site): readonly string[] {
  for (const name of ['', 'state', 'run', 'home']) chownSync(site.path(name), ORDINARY, ORDINARY);
  return ['setpriv', `--reuid=${ORDINARY}`, `--regid=${ORDINARY}`, '--clear-groups'];
}

/** Then the other tests show it. */
function isOrdinary(t: TestContext): boolean {
  if (process.getuid?.() === 0) return false;
  t.skip('needs root: to become somebody else');
  return true;
}

test('simulate serves agents of its own', async (t) => {
  const site = await openSite(t);
  const simulator = site.start(['simulate', '--port', '0', '--role', 'standing-in']);
  let url = '';
  await eventually('its address', () => (url = /ENDPOINT=(\S+)/.exec(simulator.output())?.[1] ?? '') !== '');
  const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: url };
  const { code, stdout } = await site.run(['once', ...config(site)], { env });
  assert.equal(code, 0);
  assert.match(stdout, /of role standing-in, expires in /);
  assert.equal((await simulator.stop()).code, 0);
});
