import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openSite, said, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';

/** A configuration on disk that is not the one in force shows, and what only tries one changes nothing. */

function config(site: Site, ...names: readonly string[]): readonly string[] {
  return site.configure({
    sinks: names.map((name) => ({ path: site.path(name), format: 'json' })),
    metrics: { textfile: site.path('metrics.prom') },
  });
}

function inForce(site: Site): string | undefined {
  return /^credrotate_config_in_force (\d)$/m.exec(readFileSync(site.path('metrics.prom'), 'utf8'))?.[1];
}

describe('a configuration on disk', { concurrency: 2 }, () => {
  test('that was refused shows at once, with its place, and in the metric from the next pass on', async (t) => {
    const site = await openSite(t);
    const agent = site.start(['run', ...config(site, 'a.json')]);
    await said(agent, /rotation 1: /);
    await eventually('all is well', async () => (await site.run(['status', '--check'])).code === 0);
    site.configure('sinks: {');
    // Nobody has told the agent.
    const check = await site.run(['status', '--check']);
    assert.equal(check.code, 1, check.stdout);
    assert.match(check.stdout, /^CREDROTATE WARNING - \S+c\.yaml: invalid on disk for .* \(\S+c\.yaml:\d+:\d+: /);
    assert.equal((await site.run(['status'])).code, 0);
    const refresh = await site.run(['refresh']);
    assert.equal(refresh.code, 0);
    assert.match(refresh.stdout, /^warning {3}\S+c\.yaml: invalid on disk/m);
    assert.equal(inForce(site), '0');
    agent.process.kill('SIGHUP');
    await said(agent, /configuration kept as it was: /);
    config(site, 'a.json');
    agent.process.kill('SIGHUP');
    await eventually('all is well again', async () => (await site.run(['status', '--check'])).code === 0);
    assert.equal((await site.run(['refresh'])).code, 0);
    assert.equal(inForce(site), '1');
  });

  test('in other words is in force', async (t) => {
    const site = await openSite(t);
    const [, file] = config(site, 'a.json');
    const agent = site.start(['run', '--config', file ?? '']);
    await said(agent, /rotation 1: /);
    // The line comes before what the pass publishes.
    await eventually('its status is there', () => existsSync(site.path('run/status.json')));
    writeFileSync(file ?? '', `# A comment.\n${readFileSync(file ?? '', 'utf8')}`);
    const { stdout } = await site.run(['status', '--json']);
    const report = JSON.parse(stdout) as { configuration: { onDisk: { state: string } } };
    assert.equal(report.configuration.onDisk.state, 'in_force');
  });

  test('is tried by check, alone or with another conf.d', async (t) => {
    const site = await openSite(t);
    const options = config(site, 'a.json');
    // It looks at nothing that the configuration names.
    mkdirSync(site.path('a.json'));
    assert.equal((await site.run(['check', ...options])).code, 77);
    const only = await site.run(['check', '--config-only', ...options]);
    assert.deepEqual([only.code, only.stdout.includes('ok, 1 sink, 0 consumers')], [0, true]);
    mkdirSync(site.path('set'), { mode: 0o755 });
    writeFileSync(site.path('set/one.yaml'), 'sinks:\n  - { path: etc, format: json }\n');
    const tried = await site.run(['check', '--config-only', '--conf-dir', site.path('set'), ...options]);
    assert.equal(tried.code, 78);
    assert.match(tried.stderr, /^\S+\/set\/one\.yaml:2:13: sinks\[0\]\.path: /);
    assert.equal((await site.run(['check', '--config-only', ...options])).code, 0);
  });
});

describe('who makes the next pass', { concurrency: 2 }, () => {
  test('an agent that was stopped, and one that was killed', async (t) => {
    const site = await openSite(t);
    const options = config(site, 'a.json');
    for (const [signal, why] of [
      ['SIGTERM', /next pass: nobody will make one for \d+ s \(the agent, pid \d+, stopped\)/],
      [
        'SIGKILL',
        /next pass: nobody will make one for \d+ s \(the agent, pid \d+, is gone since its last pass, and has not said that it stops\)/,
      ],
    ] as const) {
      const agent = site.start(['run', ...options]);
      await eventually('all is well', async () => (await site.run(['status', '--check'])).code === 0);
      await agent.stop(signal);
      const check = await site.run(['status', '--check']);
      assert.equal(check.code, 2, check.stdout);
      assert.match(check.stdout, why);
      assert.equal((await site.run(['status'])).code, 75);
    }
  });

  test('a one-shot that something starts again, until the second one is missing', async (t) => {
    const site = await openSite(t);
    const options = config(site, 'a.json');
    const alone = await site.run(['once', ...options]);
    assert.equal(alone.code, 0);
    assert.match(alone.stdout, /^warning {3}next pass: nobody will make one .*\n +hint: .*--every/m);
    assert.equal((await site.run(['status'])).code, 75);
    assert.doesNotMatch((await site.run(['once', '--every', '5m', ...options])).stdout, /warning/);
    assert.equal((await site.run(['status', '--check'])).code, 0);
    const refresh = await site.run(['refresh']);
    assert.equal(refresh.code, 75);
    assert.match(refresh.stderr, /AGENT_ABSENT: .*\n {2}hint: have a one-shot make it: .*credrotate once\n$/);
    const path = site.path('run/status.json');
    const status = JSON.parse(readFileSync(path, 'utf8')) as { lastPass: { at: string } };
    status.lastPass.at = new Date(Date.now() - 12 * 60_000).toISOString();
    writeFileSync(path, JSON.stringify(status));
    const missed = await site.run(['status', '--check']);
    assert.equal(missed.code, 2);
    assert.match(missed.stdout, /next pass: it is overdue for \d+ min .*\(the last pass was made with --every 300s\)/);
  });
});
