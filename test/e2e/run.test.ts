import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openSite, reportOf, said, type Running, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';

function sinks(site: Site, ...names: string[]): object {
  return { sinks: names.map((name) => ({ path: site.path(`out/${name}`), format: 'json' })) };
}

/** Its first pass is over. */
async function startAgent(site: Site, config: readonly string[]): Promise<Running> {
  const agent = site.start(['run', ...config]);
  await said(agent, /rotation 1: key/);
  return agent;
}

describe('run', { concurrency: 4 }, () => {
  test('ends cleanly on SIGTERM', async (t) => {
    const site = await openSite(t);
    const config = site.configure(sinks(site, 'a.json', 'b.json'));
    const agent = await startAgent(site, config);
    site.metadata.rotate();
    assert.equal((await site.run(['refresh'])).code, 0);
    const { code, signal, stdout } = await agent.stop();
    assert.deepEqual([code, signal, stdout], [0, null, '']);
    assert.deepEqual(readdirSync(site.path('out')).sort(), ['a.json', 'b.json']);
    assert.deepEqual(readdirSync(site.path('state')).sort(), ['lock', 'state.json']);
    assert.deepEqual(readdirSync(site.path('run')), ['status.json']);
    const after = reportOf(await site.run(['once', '--json', ...config]));
    assert.deepEqual([after.lastPass.trigger, after.generation], ['once', 2], 'the lock is free');
  });

  // Cause: a library that removes its temp files on signals took a process with one listener left for one about to end.
  test('ends a pass that writes before it ends on SIGTERM', async (t) => {
    const site = await openSite(t);
    const names = Array.from({ length: 300 }, (_, index) => `${String(index)}.json`);
    const agent = site.start(['run', ...site.configure(sinks(site, ...names))]);
    const written = (): string[] => (existsSync(site.path('out')) ? readdirSync(site.path('out')) : []);
    await eventually('it has begun', () => written().length > 0);
    const { code, signal } = await agent.stop();
    assert.deepEqual([code, signal], [0, null]);
    assert.deepEqual(written().sort(), names.sort());
  });

  test('ends in the middle of a request that hangs', async (t) => {
    const site = await openSite(t, { faults: [{ at: 'token', kind: 'hang' }] });
    const agent = site.start(['run', ...site.configure({ ...sinks(site, 'a.json'), imds: { timeout: '30s' } })]);
    await eventually('it has asked', () => site.metadata.requests.length > 0);
    const { code, stderr } = await agent.stop();
    assert.equal(code, 0, stderr);
  });

  test('reads its configuration again on SIGHUP, and keeps the old one when that is wrong', async (t) => {
    const site = await openSite(t);
    const agent = await startAgent(site, site.configure(sinks(site, 'a.json')));
    site.configure(sinks(site, 'a.json', 'b.json'));
    agent.process.kill('SIGHUP');
    // Its file is there before the pass that makes it is over.
    const status = site.path('run/status.json');
    const isOver = (): boolean => existsSync(status) && readFileSync(status, 'utf8').includes('b.json');
    await eventually('the new sink is there', isOver);

    site.configure('sinks: [{path: relative, format: json}]\nsnks: []\n');
    chmodSync(site.path('out/b.json'), 0o644);
    agent.process.kill('SIGHUP');
    await said(agent, /configuration kept as it was: \S+c\.yaml:1:\d+: sinks\[0\]\.path: expected/);
    await said(agent, /configuration kept as it was: \S+c\.yaml:2:1: snks: expected/);
    await said(agent, /repaired \S+b\.json: mode 0644 instead of 0600/);
    assert.equal(statSync(site.path('out/b.json')).mode & 0o777, 0o600);
    assert.equal((await agent.stop()).code, 0);
  });

  test('a second one on the same state directory is refused', async (t) => {
    const site = await openSite(t);
    const config = site.configure(sinks(site, 'a.json'));
    await startAgent(site, config);
    const second = await site.run(['run', ...config]);
    assert.equal(second.code, 75);
    assert.match(second.stderr, /^credrotate: AGENT_BUSY: .*\n {2}hint: /);
  });

  test('is asked by once and refresh beside it', async (t) => {
    const site = await openSite(t);
    const config = site.configure(sinks(site, 'a.json'));
    await startAgent(site, config);
    assert.equal(statSync(site.path('run/control.sock')).mode & 0o777, 0o600);
    site.metadata.rotate();
    for (const args of [
      ['once', '--json', ...config],
      ['refresh', '--json'],
    ]) {
      const report = reportOf(await site.run(args));
      assert.deepEqual([report.lastPass.trigger, report.generation], ['refresh', 2]);
    }
    site.configure(sinks(site, 'a.json', 'other.json'));
    const unknown = await site.run(['once', ...config]);
    assert.equal(unknown.code, 78);
    assert.match(unknown.stderr, /the running agent does not keep \S+other\.json\n {2}hint: /);
  });

  test('refresh without an agent says so', async (t) => {
    const site = await openSite(t);
    const { code, stderr } = await site.run(['refresh']);
    assert.equal(code, 75);
    assert.match(stderr, /^credrotate: AGENT_ABSENT: .*\n {2}hint: start /);
  });

  test('goes on without a role, and finds the one that comes', async (t) => {
    const site = await openSite(t, { role: null });
    const agent = site.start(['run', ...site.configure(sinks(site, 'a.json'))]);
    await said(agent, /source is no_role: /);
    site.metadata.setRole('late');
    await said(agent, /source is ok again/);
    assert.equal(existsSync(site.path('out/a.json')), true);
    assert.equal((await agent.stop()).code, 0);
  });
});
