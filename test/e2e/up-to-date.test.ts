import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { AgentState } from '../../src/rotation/state.ts';
import { skipsWithoutRoot } from '../support/acting.ts';
import { openSite, reportOf, said, type Site } from '../support/agent.ts';

/** A file of which nothing good is known is not up to date, whatever the source says. */

function config(site: Site, ...names: readonly string[]): readonly string[] {
  return site.configure({
    sinks: names.map((name) => ({ path: site.path(name), format: 'json' })),
  });
}

/** From now on the source gives others, which expire before those that were written last. */
function giveEarlier(site: Site): void {
  const path = site.path('state/state.json');
  const state = JSON.parse(readFileSync(path, 'utf8')) as AgentState;
  const lives = [state.sources['instance']?.current ?? assert.fail('no credentials'), ...Object.values(state.sinks)];
  for (const life of lives) life.expiration += 3_600_000;
  writeFileSync(path, JSON.stringify(state));
  site.metadata.rotate();
}

async function codes(site: Site, options: readonly string[]): Promise<readonly unknown[]> {
  const once = await site.run(['once', '--every', '1h', ...options]);
  const status = await site.run(['status']);
  const check = await site.run(['status', '--check']);
  return [once.code, status.code, check.code];
}

describe('a file that is not there is not up to date', { concurrency: 3 }, () => {
  test('removed while the source is away', async (t) => {
    const site = await openSite(t);
    const options = config(site, 'a.json', 'b.json');
    assert.equal((await site.run(['once', '--every', '1h', ...options])).code, 0);
    site.metadata.setFaults([{ at: 'any', kind: 'reset' }]);
    assert.equal((await site.run(['once', '--every', '1h', ...options])).code, 0);
    rmSync(site.path('a.json'));
    assert.deepEqual(await codes(site, options), [75, 75, 2]);
    const { stdout } = await site.run(['status', '--check']);
    assert.match(stdout, /^CREDROTATE CRITICAL - .*a\.json/);
    site.metadata.setFaults([]);
    assert.equal((await site.run(['once', '--every', '1h', ...options])).code, 0);
  });

  test('added while the source is away', async (t) => {
    const site = await openSite(t);
    assert.equal((await site.run(['once', '--every', '1h', ...config(site, 'a.json')])).code, 0);
    site.metadata.setFaults([{ at: 'any', kind: 'reset' }]);
    assert.deepEqual(await codes(site, config(site, 'a.json', 'new.json')), [75, 75, 2]);
  });

  test('removed while the source gives credentials that expire earlier', async (t) => {
    const site = await openSite(t);
    const options = config(site, 'a.json', 'b.json');
    await site.run(['once', '--every', '1h', ...options]);
    rmSync(site.path('a.json'));
    giveEarlier(site);
    assert.deepEqual(await codes(site, options), [75, 75, 2]);
    assert.equal(existsSync(site.path('a.json')), false);
    const accepted = await site.run(['once', '--accept', ...options]);
    assert.equal(accepted.code, 0, accepted.stdout);
    assert.match(readFileSync(site.path('b.json'), 'utf8'), new RegExp(site.metadata.current().accessKeyId));
  });

  test('what is better and nowhere any more keeps nobody from what the source gives', async (t) => {
    const site = await openSite(t);
    const options = config(site, 'a.json');
    await site.run(['once', '--every', '1h', ...options]);
    rmSync(site.path('a.json'));
    giveEarlier(site);
    assert.equal((await site.run(['once', '--every', '1h', ...options])).code, 0);
    assert.match(readFileSync(site.path('a.json'), 'utf8'), new RegExp(site.metadata.current().accessKeyId));
  });

  test('refresh --accept takes them, says so with the user id, and notifies everybody', async (t) => {
    const site = await openSite(t);
    await site.run(['once', '--every', '1h', ...config(site, 'a.json')]);
    giveEarlier(site);
    const agent = site.start(['run', ...config(site, 'a.json')]);
    await said(agent, /source is ok: .*before the current ones/);
    const kept = await site.run(['refresh']);
    assert.match(kept.stdout, /CREDENTIALS_OLDER: .*\n +hint: .*refresh --accept/);
    assert.equal((await site.run(['refresh', '--accept'])).code, 0);
    await said(agent, new RegExp(`rotation 2: .*, accepted by uid ${String(process.getuid?.())}`));
  });
});

// Cause: everything said OK of a file that nobody but root could open.
test('a file that its group cannot reach is a warning, with the directory that shuts it out', async (t) => {
  if (skipsWithoutRoot(t)) return;
  const site = await openSite(t);
  chmodSync(site.directory, 0o755);
  mkdirSync(site.path('closed'), { mode: 0o700 });
  const sink = { path: site.path('closed/a.env'), format: 'dotenv', group: 'daemon', mode: '0640' };
  const options = site.configure({ sinks: [sink] });
  assert.deepEqual(await codes(site, options), [0, 0, 1]);
  const { stdout } = await site.run(['status', '--check']);
  assert.match(stdout, /^CREDROTATE WARNING - \S+\/a\.env: its owner or group cannot reach it.*closed .*chmod o\+x/);
  const report = reportOf(await site.run(['status', '--json']));
  assert.equal(report.findings[0]?.id, 'sink-unreachable');
});
