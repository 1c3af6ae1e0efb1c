import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openSite, said, type Site } from '../support/agent.ts';

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
  });

  test('ps and /proc/PID/comm show credrotate', async (t) => {
    const site = await openSite(t);
    const agent = site.start(['run', ...configure(site)]);
    await said(agent, /keeps 1 sink fresh/);
    assert.equal(readFileSync(`/proc/${agent.process.pid ?? 0}/comm`, 'utf8'), 'credrotate\n');
  });
});
