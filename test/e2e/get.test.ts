import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { limit } from '../support/limits.ts';
import { openSite } from '../support/agent.ts';
import { freeOrigin } from '../support/http-requests.ts';
import { outOfSight } from '../support/out-of-sight.ts';

const ENDPOINT = 'AWS_EC2_METADATA_SERVICE_ENDPOINT';

describe('get', { concurrency: 4 }, () => {
  test('prints what stands at a path, without a configuration', async (t) => {
    const site = await openSite(t, { instanceId: 'i-0abc', accountId: '111122223333' });
    const id = await site.run(['get', 'meta-data/instance-id']);
    assert.deepEqual([id.code, id.stdout, id.stderr], [0, 'i-0abc', '']);
    const dated = await site.run(['get', '/2022-09-24/meta-data/iam/security-credentials/']);
    assert.equal(dated.stdout, 'demo-role');
    const { stdout } = await site.run(['get', 'dynamic/instance-identity/document']);
    assert.equal((JSON.parse(stdout) as Record<string, unknown>)['accountId'], '111122223333');
  });

  test('hands user data on byte for byte', async (t) => {
    const bytes = Buffer.from(Array.from({ length: 16_384 }, (_, index) => index % 256));
    const site = await openSite(t, { userData: bytes });
    assert.equal((await site.run(['get', 'user-data'], { through: outOfSight(site.path('out')) })).code, 0);
    assert.deepEqual(readFileSync(site.path('out')), bytes);
  });

  test('gives even what is secret, since it was asked for, and nothing of it anywhere else', async (t) => {
    const site = await openSite(t);
    const path = 'meta-data/iam/security-credentials/demo-role';
    const { code, stderr } = await site.run(['get', path], { through: outOfSight(site.path('out')) });
    assert.deepEqual([code, stderr], [0, '']);
    assert.ok(readFileSync(site.path('out'), 'utf8').includes(site.metadata.current().secretAccessKey));
  });

  test('takes the endpoint of the configuration that is named', async (t) => {
    const site = await openSite(t);
    const config = site.configure({ sinks: [], imds: { endpoint: site.metadata.url } });
    const env = { [ENDPOINT]: await freeOrigin() };
    assert.equal((await site.run(['get', 'meta-data/services/domain', ...config], { env })).stdout, 'amazonaws.com');
  });

  // Cause: the configuration that is installed has no sinks, and every command that reads it warned of that.
  for (const line of ['get user-data', 'export', 'exec true', 'lockdown status']) {
    test(`${line} needs no sinks, and warns of what concerns it alone`, async (t) => {
      const site = await openSite(t, { userData: 'x' });
      const through = outOfSight(site.path('out'));
      const consumers = { idle: { type: 'exec', command: ['/bin/true'] } };
      const run = async (more: object): Promise<string> => {
        const [file, option] = site.configure({ sinks: [], consumers, ...more });
        const [first = '', ...rest] = line.split(' ');
        const args = first === 'lockdown' ? [first, ...rest, file, option] : [first, file, option, ...rest];
        return (await site.run(args, { through })).stderr;
      };
      assert.equal(await run({}), '');
      const said = await run({ imds: { endpoint: site.metadata.url, endpoint_mode: 'ipv6' } });
      assert.match(
        said,
        line.startsWith('lockdown') ? /^$/ : /^\S+c\.yaml:\d+:\d+: warning: imds\.endpoint_mode: .*\n$/,
      );
    });
  }

  test('refuses a wrong configuration that is named', async (t) => {
    const site = await openSite(t);
    const { code, stdout, stderr } = await site.run(['get', 'user-data', ...site.configure('snks: []\n')]);
    assert.deepEqual([code, stdout], [78, '']);
    assert.match(stderr, /c\.yaml:1:1: snks: expected/);
    assert.deepEqual(site.metadata.requests, []);
  });

  const twice = { AWS_METADATA_SERVICE_TIMEOUT: String(limit(10)), AWS_METADATA_SERVICE_NUM_ATTEMPTS: '2' };
  const soon = { ...twice, AWS_METADATA_SERVICE_TIMEOUT: '0.2' };
  const failures = [
    ['nothing there', { role: null }, 'meta-data/iam/info', {}, 69, /IMDS_NOT_FOUND: meta-data\/iam\/info: .*404$/m],
    ['switched off', {}, 'user-data', { AWS_EC2_METADATA_DISABLED: 'true' }, 69, /IMDS_DISABLED: /],
    ['refused', { faults: [{ at: 'token', kind: 'status', value: 403 }] }, 'user-data', {}, 77, /IMDS_DENIED: /],
    ['not HTTP at all', { faults: [{ at: 'any', kind: 'cut' }] }, 'user-data', twice, 76, /IMDS_MALFORMED: /],
    ['silence', { faults: [{ at: 'any', kind: 'hang' }] }, 'user-data', soon, 75, /IMDS_UNREACHABLE: /],
    ['a wrong path', {}, 'meta data', {}, 64, /USAGE: metadata path: expected visible ASCII/],
    ['a wrong variable', {}, 'user-data', { AWS_METADATA_SERVICE_TIMEOUT: 'soon' }, 78, /CONFIG_INVALID: AWS_METADATA/],
  ] as const;
  for (const [what, options, path, env, exit, error] of failures) {
    test(`${what}: ${exit}`, async (t) => {
      const site = await openSite(t, options);
      const { code, stdout, stderr } = await site.run(['get', path], { env });
      assert.deepEqual([code, stdout], [exit, '']);
      assert.match(stderr, error);
      assert.match(stderr, /\n {2}hint: /);
    });
  }

  test('tries as often as the environment of the SDKs says', async (t) => {
    const site = await openSite(t, { faults: [{ at: 'token', kind: 'reset' }] });
    assert.equal((await site.run(['get', 'user-data'], { env: twice })).code, 75);
    assert.equal(site.metadata.requests.length, 2);
  });
});
