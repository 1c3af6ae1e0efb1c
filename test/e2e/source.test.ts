import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { Fault } from '../../src/simulator/faults.ts';
import { openSite, reportOf, said, type Ended, type Running, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import { carried, document, imdsServer, token } from '../support/imds-server.ts';
import { answer } from '../support/raw-server.ts';

const run = promisify(execFile);
const HOUR = 3_600_000;

/** A pass about every second, and a failing one soon tried again. */
function busy(site: Site): readonly string[] {
  const imds = { timeout: '30s', attempts: 1 };
  return site.configure({ sinks: [{ path: site.path('iam.json'), format: 'json' }], refresh: EAGER, imds });
}

const EAGER = { max_interval: '1s' };

/** How many requests there were for each path, by method. */
function count(site: Site): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { method, path } of site.metadata.requests) {
    const key = `${method} ${path.replace('/latest/', '')}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** Three passes, of which the last is given. */
async function refresh(site: Site): Promise<Ended> {
  await site.run(['refresh']);
  await site.run(['refresh']);
  return site.run(['refresh']);
}

/** The lines about the source, without their dates and hints. */
function linesOf(agent: Running): string[] {
  return agent.output().match(/source is \w+(?: again)?|role \S+ became \S+/g) ?? [];
}

describe('the source', { concurrency: 4 }, () => {
  test('role removed, another attached, endpoint gone and back: each said once, each with its exit code', async (t) => {
    const site = await openSite(t);
    const agent = site.start(['run', ...busy(site)]);
    await said(agent, /rotation 1: key/);

    site.metadata.setRole(null);
    assert.equal((await refresh(site)).code, 69);
    await said(agent, /source is no_role: .*; the files keep the credentials of role demo-role, good until .*attach/);
    const { stdout } = await site.run(['status']);
    assert.match(
      stdout,
      /^WARNING +source: gives nothing new [^]*IMDS_NO_ROLE: [^]*\n +hint: it had role demo-role before/m,
    );

    site.metadata.setRole('other');
    assert.equal((await refresh(site)).code, 0);

    site.metadata.setFaults([{ at: 'any', kind: 'reset' }]);
    const stale = await refresh(site);
    assert.equal(stale.code, 75);
    assert.match(stale.stdout, /^source stale: .*\n +IMDS_UNREACHABLE: .*\n +hint: /);

    site.metadata.setFaults([]);
    assert.match((await refresh(site)).stdout, /^source ok: .*\n[^ ]/);
    await agent.stop();
    assert.deepEqual(linesOf(agent), [
      'source is no_role',
      'role demo-role became other',
      'source is ok again',
      'source is stale',
      'source is ok again',
    ]);
  });

  test('a pass is two requests; the token and the identity come once', async (t) => {
    const site = await openSite(t);
    const agent = site.start(['run', ...busy(site)]);
    await eventually('six passes', () => (count(site)['GET meta-data/iam/security-credentials/'] ?? 0) >= 6);
    await agent.stop();
    const {
      'GET meta-data/iam/security-credentials/': lists = 0,
      'GET meta-data/iam/security-credentials/demo-role': credentials = 0,
      ...others
    } = count(site);
    assert.deepEqual(others, { 'PUT api/token': 1, 'GET dynamic/instance-identity/document': 1 });
    // The last one may have been cut short by the end.
    assert.ok(lists - credentials === 0 || lists - credentials === 1, `${lists} lists, ${credentials} credentials`);
  });

  test('a token is replaced before it ends, so that none is ever refused', async (t) => {
    const site = await openSite(t, { faults: [{ at: 'token', kind: 'short-ttl', value: limit(4) }] });
    const agent = site.start(['run', ...busy(site)]);
    await eventually('three tokens', () => (count(site)['PUT api/token'] ?? 0) >= 3);
    await agent.stop();
    const { requests } = site.metadata;
    assert.deepEqual([...new Set(requests.map(({ status }) => status))], [200]);
    assert.ok(requests.length > 9, 'each token serves for several requests');
  });

  test('a session token is in memory alone', async (t) => {
    const service = await imdsServer(t);
    const Expiration = new Date(Date.now() + HOUR).toISOString();
    service.always('token', token('TOKEN-IN-MEMORY'));
    service.always('credentials', answer(200, document({ Expiration })));
    const site = await openSite(t);
    const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: service.origin };
    const config = site.configure({
      sinks: [{ path: site.path('iam.json'), format: 'json' }],
      log: { level: 'debug' },
      refresh: EAGER,
    });
    const agent = site.start(['run', ...config], { env });
    await eventually('three passes', () => carried(service.requests).length > 6);
    assert.deepEqual([...new Set(carried(service.requests))], ['TOKEN-IN-MEMORY']);
    // grep ends with 1 where it finds nothing.
    await assert.rejects(run('grep', ['-r', 'TOKEN-IN-MEMORY', site.directory]), { code: 1 });
    await agent.stop();
    assert.doesNotMatch(agent.output(), /TOKEN-IN-MEMORY/);
  });

  test('goes on with IMDSv1 if that is allowed, and says so once', async (t) => {
    const site = await openSite(t, { v1: true, faults: [{ at: 'token', kind: 'status', value: 404 }] });
    const imds = { v1: 'allow' };
    const config = site.configure({ sinks: [{ path: site.path('iam.json'), format: 'json' }], refresh: EAGER, imds });
    const agent = site.start(['run', ...config]);
    await eventually('three passes', () => (count(site)['GET meta-data/iam/security-credentials/'] ?? 0) >= 3);
    await agent.stop();
    assert.equal(agent.output().match(/going on with IMDSv1/g)?.length, 1);
  });

  const clocks: readonly [what: string, skew: number, by: RegExp][] = [
    ['so far ahead that good credentials look expired', -7 * HOUR, /the clock of this host/],
    ['behind', 2 * HOUR, /the clock of this host/],
  ];
  for (const [what, value, warning] of clocks) {
    test(`our clock is ${what}: written all the same, with the true expiration, and said`, async (t) => {
      const skew: Fault = { at: 'any', kind: 'skew', value };
      const site = await openSite(t, { faults: [skew] });
      const config = site.configure({ sinks: [{ path: site.path('iam.json'), format: 'json' }] });
      const { code, stdout } = await site.run(['once', ...config]);
      assert.equal(code, 0, stdout);
      assert.match(stdout, /^ +warning: the clock of this host says /m);
      const written = JSON.parse(readFileSync(site.path('iam.json'), 'utf8')) as Record<string, string>;
      assert.equal(Date.parse(written['Expiration'] ?? ''), site.metadata.current().expiration + value);
      assert.match((await site.run(['status'])).stdout, warning);
      const again = reportOf(await site.run(['once', '--json', ...config]));
      assert.deepEqual(
        [again.source.state, again.lastPass.rotated, again.sinks[0]?.result],
        ['ok', false, 'unchanged'],
      );
      assert.ok(Math.abs((again.source.clockSkew ?? 0) + value) < limit(30_000));
    });
  }
});
