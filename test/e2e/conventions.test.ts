import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openSite, said, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';

/** What people who know other tools of the system expect without reading. */

function configure(site: Site): readonly string[] {
  return site.configure({
    sinks: [{ path: site.path('a'), format: 'dotenv', notify: ['hook'] }],
    consumers: { hook: { type: 'exec', command: ['/bin/true', 'hunter2'] } },
  });
}

describe('conventions', { concurrency: 3 }, () => {
  test('-q says nothing where nothing is wrong, and all where something is', async (t) => {
    const site = await openSite(t);
    const config = configure(site);
    const good = await site.run(['once', '-q', '--every', '1h', ...config]);
    assert.deepEqual([good.code, good.stdout, good.stderr], [0, '', '']);
    site.metadata.setFaults([{ at: 'any', kind: 'reset' }]);
    const bad = await site.run(['once', '--quiet', '--every', '1h', ...config]);
    assert.deepEqual([bad.code, bad.stdout], [0, '']);
    assert.match(bad.stderr, /IMDS_UNREACHABLE/);
  });

  test('-v and --log-level log what the configuration does not', async (t) => {
    const site = await openSite(t);
    const config = configure(site);
    const logged = async (...options: readonly string[]): Promise<string> => {
      const agent = site.start(['run', ...options, ...config]);
      await said(agent, options.includes('error') ? /^/ : /keeps 1 sink fresh/);
      await said(agent, options.includes('-v') ? /debug .*wrote / : /^/);
      return (await agent.stop()).stderr;
    };
    assert.match(await logged('-v'), /debug/);
    assert.doesNotMatch(await logged('--log-level', 'info'), /debug/);
    assert.equal((await site.run(['run', '--log-level', 'loud', ...config])).code, 64);
  });

  test('--version says of what it is made, -V the version alone', async (t) => {
    const site = await openSite(t);
    const { stdout } = await site.run(['--version']);
    assert.match(stdout, /^credrotate \d+\.\d+\.\d+\n {2}commit (?:[0-9a-f]{40}|unknown)\n {2}node \d+\.\d+\.\d+\n/);
    assert.match(stdout, /^ {2}undici \d/m);
    assert.match((await site.run(['-V'])).stdout, /^\d+\.\d+\.\d+\n$/);
  });

  test('once --dry-run is plan', async (t) => {
    const site = await openSite(t);
    const config = configure(site);
    const { code, stdout } = await site.run(['once', '--dry-run', ...config]);
    assert.equal(code, 0);
    assert.match(stdout, /would write .*: a new file of mode 0600/);
    assert.throws(() => readFileSync(site.path('a')), /ENOENT/);
  });

  test('config show names the place of each value, and no argument of a program', async (t) => {
    const site = await openSite(t);
    const { code, stdout } = await site.run(['config', 'show', ...configure(site)]);
    assert.equal(code, 0);
    assert.match(stdout, /^# no agent has read it since the boot$/m);
    assert.match(stdout, /^sinks\[0\]\.path: "\S+\/a" {2}# \S+c\.yaml:1:\d+$/m);
    assert.match(stdout, /^sinks\[0\]\.export: false {2}# default$/m);
    assert.match(stdout, /^refresh\.max_interval: "5m" {2}# default$/m);
    assert.match(stdout, /^consumers\.hook\.command: \["\/bin\/true", and 1 not shown\]/m);
    assert.doesNotMatch(stdout, /hunter2/);
    // The file wins over the environment, and is all that is shown then.
    assert.match(
      stdout,
      /^imds\.endpoint: "http:\/\/127\.\S+" {2}# AWS_EC2_METADATA_SERVICE_ENDPOINT, as it is here$/m,
    );
    const given = site.configure({ sinks: [], imds: { endpoint: 'http://127.0.0.1:1' } });
    const endpoint = (await site.run(['config', 'show', ...given])).stdout.match(/^imds\.endpoint: .*$/gm);
    assert.match(endpoint?.join('\n') ?? '', /^imds\.endpoint: "http:\/\/127\.0\.0\.1:1" {2}# \S+c\.yaml:1:\d+$/);
    const secret = { env: { AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://me:hunter2@127.0.0.1' } };
    assert.doesNotMatch((await site.run(['config', 'show', ...configure(site)], secret)).stdout, /hunter2/);
  });

  test('refresh --dry-run shows what the agent would do, and does nothing', async (t) => {
    const site = await openSite(t);
    const config = configure(site);
    assert.match((await site.run(['refresh', '--dry-run'])).stderr, /AGENT_ABSENT/);
    const agent = site.start(['run', ...config]);
    await said(agent, /keeps 1 sink fresh/);
    await eventually('all is well', async () => (await site.run(['status', '--check'])).code === 0);
    const text = readFileSync(site.path('a'), 'utf8');
    const requests = (): string => readFileSync(site.path('run/status.json'), 'utf8');
    const before = requests();
    assert.match((await site.run(['refresh', '--dry-run'])).stdout, /nothing new\n.*nothing would change\n/s);
    site.metadata.rotate();
    const { code, stdout } = await site.run(['refresh', '--dry-run']);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^would write \S+\/a: [^]*^would notify hook: /m);
    assert.match((await site.run(['refresh', '--dry-run', '--notify-all'])).stdout, /^would notify hook: run/m);
    assert.match((await site.run(['refresh', '--dry-run', '--notify', 'hook'])).stdout, /^would notify hook: run/m);
    assert.deepEqual([readFileSync(site.path('a'), 'utf8'), requests()], [text, before]);
    writeFileSync(site.path('c.yaml'), JSON.stringify({ sinks: [{ path: site.path('b'), format: 'dotenv' }] }));
    const other = await site.run(['refresh', '--dry-run']);
    assert.match(other.stderr, /by the configuration on disk, and the agent has another one in force/);
    assert.match(other.stdout, /^would write \S+\/b: /m);
  });

  test('plan and once --dry-run show what --accept would take', async (t) => {
    const site = await openSite(t);
    const config = configure(site);
    assert.equal((await site.run(['once', '--every', '1h', ...config])).code, 0);
    const path = site.path('state/state.json');
    const later = (text: string): string =>
      text.replace(/"expiration": (\d+)/g, (_, at) => `"expiration": ${Number(at) + 3_600_000}`);
    writeFileSync(path, later(readFileSync(path, 'utf8')));
    site.metadata.rotate();
    assert.match((await site.run(['plan', ...config])).stdout, /CREDENTIALS_OLDER/);
    for (const command of [['plan'], ['once', '--dry-run']])
      assert.match((await site.run([...command, '--accept', ...config])).stdout, /would write 1 of 1 sink/);
  });

  test('ps and /proc/PID/comm show credrotate', async (t) => {
    const site = await openSite(t);
    const agent = site.start(['run', ...configure(site)]);
    await said(agent, /keeps 1 sink fresh/);
    assert.equal(readFileSync(`/proc/${agent.process.pid ?? 0}/comm`, 'utf8'), 'credrotate\n');
  });
});
