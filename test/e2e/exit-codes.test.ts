import assert from 'node:assert/strict';
import { existsSync, mkdirSync, chmodSync, readFileSync, symlinkSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openSite, type Site } from '../support/agent.ts';
import { freeOrigin } from '../support/http-requests.ts';
import { limit } from '../support/limits.ts';
import type { Fault } from '../../src/simulator/faults.ts';

/** In which all but a service that hangs has answered; at most what the setting takes. */
const timeout = `${Math.min(limit(2_000), 30_000)}ms`;

function config(site: Site, ...more: object[]): readonly string[] {
  const imds = { attempts: 1, timeout };
  return site.configure({ sinks: [{ path: site.path('iam.json'), format: 'json' }, ...more], imds });
}

describe('exit codes', { concurrency: 4 }, () => {
  const faults: readonly [what: string, fault: Fault, code: number, error: string][] = [
    ['denied', { at: 'credentials', kind: 'denied' }, 77, 'IMDS_DENIED'],
    ['forbidden', { at: 'any', kind: 'status', value: 403 }, 77, 'IMDS_DENIED'],
    ['torn', { at: 'credentials', kind: 'torn' }, 76, 'IMDS_MALFORMED'],
    ['html', { at: 'credentials', kind: 'html' }, 76, 'IMDS_MALFORMED'],
    ['throttled', { at: 'credentials', kind: 'throttle' }, 75, 'IMDS_THROTTLED'],
    ['hanging', { at: 'credentials', kind: 'hang' }, 75, 'IMDS_UNREACHABLE'],
    ['expired', { at: 'credentials', kind: 'expired' }, 75, 'IMDS_EXPIRED'],
  ];
  for (const [what, fault, code, error] of faults) {
    test(`${what}: ${String(code)}`, async (t) => {
      const site = await openSite(t, { faults: [fault] });
      const ended = await site.run(['once', ...config(site)]);
      assert.equal(ended.code, code);
      assert.match(ended.stdout, new RegExp(`${error}: .*\n +hint: `));
      assert.equal(existsSync(site.path('iam.json')), false);
    });
  }

  test('nobody listens: 75', async (t) => {
    const site = await openSite(t);
    const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: await freeOrigin() };
    const { code, stdout } = await site.run(['once', ...config(site)], { env });
    assert.equal(code, 75);
    assert.match(stdout, /^source unreachable: no credentials.*\n +IMDS_UNREACHABLE: /);
  });

  test('no role: 69', async (t) => {
    const site = await openSite(t, { role: null });
    const { code, stdout } = await site.run(['once', ...config(site)]);
    assert.equal(code, 69);
    assert.match(stdout, /IMDS_NO_ROLE: .*\n +hint: /);
  });

  test('stale but valid: 0, and the file stays', async (t) => {
    const site = await openSite(t);
    await site.run(['once', ...config(site)]);
    const before = readFileSync(site.path('iam.json'));
    site.metadata.setFaults([{ at: 'any', kind: 'reset' }]);
    const { code, stdout } = await site.run(['once', ...config(site)]);
    assert.equal(code, 0);
    assert.match(stdout, /^source stale: key /);
    assert.deepEqual(readFileSync(site.path('iam.json')), before);
  });

  test('a sink that cannot be written: 73, and the others are', async (t) => {
    const site = await openSite(t);
    const unknown = { path: site.path('b.json'), format: 'json', owner: 'no-such-user-here' };
    const below = { path: site.path('c.yaml/x.json'), format: 'json' };
    const { code, stdout } = await site.run(['once', ...config(site, unknown, below)]);
    assert.equal(code, 73);
    assert.match(stdout, /^written {3}\S+\/iam\.json$/m);
    assert.match(stdout, /^refused {3}\S+\/b\.json\n +SINK_OWNER_UNKNOWN: .*\n +hint: /m);
    assert.match(stdout, /^\w+ +\S+\/x\.json\n +SINK_UNREADABLE: .*\n +hint: /m);
  });

  test('a sink that is refused for safety: 77, and the others are written', async (t) => {
    const site = await openSite(t);
    mkdirSync(site.path('shared'));
    chmodSync(site.path('shared'), 0o777);
    symlinkSync('/dev/null', site.path('link.json'));
    const more = ['shared/a.json', 'link.json'].map((name) => ({ path: site.path(name), format: 'json' }));
    const { code, stdout } = await site.run(['once', ...config(site, ...more)]);
    assert.equal(code, 77);
    assert.match(stdout, /^written {3}\S+\/iam\.json$/m);
    assert.match(stdout, /^refused {3}\S+\/shared\/a\.json\n +SINK_UNSAFE_PATH: .*\n +hint: /m);
    assert.match(stdout, /^refused {3}\S+\/link\.json\n +SINK_NOT_REGULAR: .*\n +hint: /m);
  });

  test('a wrong configuration: 78, with every problem at its place', async (t) => {
    const site = await openSite(t);
    const [, file] = site.configure(`sinks:
  - path: etc/credentials
    format: aws-credentials
  - path: /etc/app.env
    format: dotenv
    mode: 0888
    notify: [web]
snks: []
`);
    const { code, stdout, stderr } = await site.run(['once', '--config', file]);
    assert.deepEqual([code, stdout], [78, '']);
    const places = stderr.split('\n').flatMap((line) => /^(\S+?):(\d+:\d+): ([^:]+): /.exec(line)?.slice(1) ?? []);
    assert.deepEqual(places, [
      ...[file, '2:11', 'sinks[0].path'],
      ...[file, '6:11', 'sinks[1].mode'],
      ...[file, '7:14', 'sinks[1].notify[0]'],
      ...[file, '8:1', 'snks'],
    ]);
    assert.deepEqual(site.metadata.requests, []);
  });

  test('no configuration: 78', async (t) => {
    const site = await openSite(t);
    const { code, stderr } = await site.run(['once', '--config', site.path('none.yaml')]);
    assert.equal(code, 78);
    assert.match(stderr, /none\.yaml: .*\n {2}hint: /);
  });

  const usages = [
    ['once', '--no-such-option'],
    ['nonsense'],
    ['once', '--wait', 'soon'],
    ['simulate', '--fault', 'x'],
    ['once', '--aws-credentials', '/a', '--profile', 'a', '--profile', 'b'],
  ];
  for (const args of usages) {
    test(`${args.join(' ')}: 64`, async (t) => {
      const site = await openSite(t);
      const { code, stdout, stderr } = await site.run(args);
      assert.deepEqual([code, stdout], [64, '']);
      assert.match(stderr, /^(error: |credrotate: USAGE: )/);
    });
  }
});
