import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFileSync, chmodSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { openSite, reportOf, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { makeHook, startDaemon } from '../support/programs.ts';
import { assertNoSecret } from '../support/secrets.ts';

const NAMES = ['credentials', 'app.env', 'iam.json'] as const;

function threeSinks(site: Site, ...notify: string[]): object[] {
  return [
    { path: site.path('out/credentials'), format: 'aws-credentials', mode: '0400', notify },
    { path: site.path('out/app.env'), format: 'dotenv', mode: '0640', notify },
    { path: site.path('out/iam.json'), format: 'json', notify },
  ];
}

/** What changes when a file is written, or as much as touched. */
function identities(site: Site): string[] {
  return NAMES.map((name) => statSync(site.path(`out/${name}`), { bigint: true })).map(
    ({ ino, ctimeNs }) => `${ino} ${ctimeNs}`,
  );
}

function assertCurrent(site: Site): void {
  const { accessKeyId, secretAccessKey, token } = site.metadata.current();
  for (const name of NAMES) {
    const text = readFileSync(site.path(`out/${name}`), 'utf8');
    for (const value of [accessKeyId, secretAccessKey, token]) assert.ok(text.includes(value), name);
  }
}

function modes(site: Site): string[] {
  return NAMES.map((name) => (statSync(site.path(`out/${name}`)).mode & 0o7777).toString(8));
}

/** Stands where an agent that is stopping would: takes connections and answers nothing. */
async function countAskers(t: TestContext, path: string): Promise<() => number> {
  let count = 0;
  const server = createServer((socket) => {
    count += 1;
    socket.on('error', () => undefined).end();
  }).listen(path);
  t.after(() => server.close());
  await once(server, 'listening');
  return () => count;
}

describe('once', { concurrency: 4 }, () => {
  test('writes what differs and nothing else, and tells whom it concerns', async (t) => {
    const site = await openSite(t);
    const daemon = await startDaemon(t, site.path('legacy'));
    const config = site.configure({
      sinks: threeSinks(site, 'legacy'),
      consumers: { legacy: { type: 'signal', pid_file: daemon.pidFile } },
    });
    const pass = async (): Promise<string[]> => {
      const ended = await site.run(['once', '--json', ...config]);
      assert.deepEqual([ended.code, ended.stderr], [0, '']);
      assertCurrent(site);
      assert.deepEqual(modes(site), ['400', '640', '600']);
      return reportOf(ended).sinks.map((sink) => sink.result);
    };

    assert.deepEqual(await pass(), ['written', 'written', 'written']);
    assert.equal(daemon.notifications(), 1);

    const before = identities(site);
    assert.deepEqual(await pass(), ['unchanged', 'unchanged', 'unchanged']);
    assert.deepEqual(identities(site), before);
    assert.equal(daemon.notifications(), 1);

    site.metadata.rotate();
    assert.deepEqual(await pass(), ['written', 'written', 'written']);
    assert.equal(daemon.notifications(), 2, 'once, although it has three sinks');

    chmodSync(site.path('out/credentials'), 0o644);
    assert.deepEqual(await pass(), ['repaired', 'unchanged', 'unchanged']);
    assert.equal(daemon.notifications(), 2, 'a mode is nothing to its readers');

    appendFileSync(site.path('out/iam.json'), 'x');
    assert.deepEqual(await pass(), ['unchanged', 'unchanged', 'repaired']);
    assert.equal(daemon.notifications(), 3);
  });

  test('says what it did, without a secret', async (t) => {
    const site = await openSite(t);
    const config = site.configure({ sinks: threeSinks(site) });
    const first = await site.run(['once', ...config]);
    const key = site.metadata.current().accessKeyId.slice(-4);
    assert.match(
      first.stdout,
      new RegExp(`^source ok: key …${key} of role demo-role, expires in .*; new \\(rotation 1\\)\n`),
    );
    assert.match(first.stdout, /^written {3}\S+\/out\/app\.env$/m);
    chmodSync(site.path('out/app.env'), 0o666);
    const second = await site.run(['once', ...config]);
    assert.match(second.stdout, /; nothing new\n/);
    assert.match(second.stdout, /^repaired {2}\S+\/out\/app\.env \(mode 0666 instead of 0640\)$/m);
    assert.equal(second.stderr, '');
  });

  test('takes sinks from flags, without a file', async (t) => {
    const site = await openSite(t);
    const [aws = '', env = '', json = ''] = NAMES.map((name) => site.path(`out/${name}`));
    const flags = ['--aws-credentials', aws, '--profile', 'x', '--dotenv', env, '--json-file', json, '--mode', '0640'];
    const ended = await site.run(['once', ...flags]);
    assert.deepEqual([ended.code, ended.stderr], [0, '']);
    assertCurrent(site);
    assert.deepEqual(modes(site), ['640', '640', '640']);
    assert.match(readFileSync(aws, 'utf8'), /^\[x\]$/m);
  });

  test('waits for a role that comes late', async (t) => {
    const site = await openSite(t, { role: null });
    const config = site.configure({ sinks: threeSinks(site) });
    const waiting = site.start(['once', '--wait', '5m', ...config]);
    const { requests } = site.metadata;
    await eventually('no role was found', () => requests.some(({ status }) => status === 404));
    site.metadata.setRole('late');
    const { code, stdout } = await waiting.ended;
    assert.equal(code, 0);
    assert.match(stdout, /of role late/);
    assertCurrent(site);
  });

  test('ends on SIGTERM while it waits', async (t) => {
    const site = await openSite(t, { role: null });
    const waiting = site.start(['once', '--wait', '1h', ...site.configure({ sinks: threeSinks(site) })]);
    await eventually('it has asked', () => site.metadata.requests.length > 1);
    const { code, stdout, stderr } = await waiting.stop();
    assert.deepEqual([code, stdout, stderr], [75, '', 'credrotate: stopped by a signal before it was done\n']);
  });

  test('ends the wait for a role that does not come', async (t) => {
    const site = await openSite(t, { role: null });
    const { code } = await site.run(['once', '--wait', '1s', ...site.configure({ sinks: threeSinks(site) })]);
    assert.equal(code, 69);
  });

  test('beside another one waits for it', async (t) => {
    const site = await openSite(t);
    const hook = makeHook(t, site.path('hook'));
    const config = site.configure({
      sinks: threeSinks(site, 'hook'),
      consumers: { hook: { type: 'exec', command: hook.command } },
    });
    hook.close();
    const first = site.start(['once', '--json', ...config]);
    await eventually('the hook is at work', () => hook.calls().length === 1);
    const asked = await countAskers(t, site.path('run/control.sock'));
    const second = site.start(['once', '--json', ...config]);
    await eventually('the second one found the lock taken', () => asked() > 0);
    site.metadata.rotate();
    hook.open();
    const reports = (await Promise.all([first.ended, second.ended])).map(reportOf);
    assert.deepEqual(
      reports.map(({ lastPass, generation, consumers }) => [lastPass.trigger, generation, consumers[0]?.result]),
      [
        ['once', 1, 'notified'],
        ['once', 2, 'notified'],
      ],
    );
    assert.deepEqual(hook.calls(), ['first 1', 'changed 2']);
  });

  test('finds the role by itself unless it is named', async (t) => {
    const site = await openSite(t);
    const config = site.configure({ sinks: threeSinks(site) });
    const list = '/latest/meta-data/iam/security-credentials/';
    await site.run(['once', ...config]);
    const listed = (): number => site.metadata.requests.filter(({ path }) => path === list).length;
    assert.equal(listed(), 1);
    const { code } = await site.run(['once', ...config], { env: { AWS_EC2_INSTANCE_PROFILE_NAME: 'demo-role' } });
    assert.deepEqual([code, listed()], [0, 1]);
  });

  test('asks nobody where the metadata service is disabled', async (t) => {
    const site = await openSite(t);
    const config = site.configure({ sinks: threeSinks(site) });
    const { code, stdout } = await site.run(['once', ...config], { env: { AWS_EC2_METADATA_DISABLED: 'true' } });
    assert.equal(code, 69);
    assert.match(stdout, /IMDS_DISABLED/);
    assert.deepEqual(site.metadata.requests, []);
  });
});

test('the search for secrets finds them', async (t) => {
  const site = await openSite(t);
  await site.run(['once', ...site.configure({ sinks: threeSinks(site) })]);
  for (const name of NAMES)
    assert.throws(() => {
      assertNoSecret(name, readFileSync(site.path(`out/${name}`), 'utf8'));
    }, /holds a/);
});
