import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { openSite, type Site } from '../support/agent.ts';
import { writeAuthority } from '../support/certificates.ts';
import { testSts, ROLE_ARN } from '../support/sts-scene.ts';
import { denied, throttled, type Sts } from '../support/sts.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Scene {
  readonly site: Site;
  readonly sts: Sts;
  readonly config: readonly string[];
}

/** The instance's profile and that of an assumed role in one file; STS is asked over TLS. */
async function open(t: TestContext): Promise<Scene> {
  const site = await openSite(t);
  const { file, ...tls } = writeAuthority(tempDir(t));
  const arn = 'arn:aws:sts::123456789012:assumed-role/demo-role/i-0123456789abcdef0';
  const callers = () => {
    const { token, ...keys } = site.metadata.current();
    return [{ ...keys, sessionToken: token, arn }];
  };
  const sts = await testSts(t, { tls, callers });
  const path = site.path('credentials');
  const config = site.configure({
    sources: {
      backup: { type: 'assume_role', role_arn: ROLE_ARN, external_id: 'x-1', endpoint: sts.url, ca_file: file },
    },
    sinks: [
      { path, format: 'aws-credentials' },
      { path, format: 'aws-credentials', profile: 'backup', source: 'backup' },
    ],
  });
  return { site, sts, config };
}

function keyIds(site: Site): readonly string[] {
  const text = readFileSync(site.path('credentials'), 'utf8');
  return [...text.matchAll(/^aws_access_key_id *= *(\S+)$/gm)].map(([, id = '']) => id);
}

describe('an assumed role', () => {
  test('stands in the second profile of a file, beside the role that it is assumed with', async (t) => {
    const { site, sts, config } = await open(t);
    const { code, stderr } = await site.run(['once', ...config]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(keyIds(site), [site.metadata.current().accessKeyId, sts.sessions[0]?.accessKeyId]);
    assert.deepEqual(
      sts.calls.map(({ action, outcome }) => [action, outcome]),
      [['AssumeRole', 'ok']],
    );
    const { secretAccessKey = '', sessionToken = '' } = sts.sessions[0] ?? {};
    for (const secret of [secretAccessKey, sessionToken])
      assert.ok(secret !== '' && !site.state().includes(secret) && !stderr.includes(secret));
  });

  test('that is denied leaves its profile, and the other one is written all the same', async (t) => {
    const { site, sts, config } = await open(t);
    assert.equal((await site.run(['once', ...config])).code, 0);
    const [, session] = keyIds(site);
    sts.failAlways(denied());
    site.metadata.rotate();
    await site.run(['once', ...config]);
    assert.deepEqual(keyIds(site), [site.metadata.current().accessKeyId, session]);
  });

  test('is exported after trouble that passes', async (t) => {
    const { site, sts, config } = await open(t);
    sts.fail(throttled, { kind: 'body', status: 503, body: '' });
    const { code, stdout, stderr } = await site.run(['export', '--source', 'backup', ...config]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, new RegExp(sts.sessions[0]?.accessKeyId ?? 'none'));
    sts.failAlways(denied());
    assert.equal((await site.run(['export', '--source', 'backup', ...config])).code, 77);
    assert.equal(sts.calls.length, 4);
  });

  test('that was never given is an error with what to do, and exit code 77', async (t) => {
    const { site, sts, config } = await open(t);
    sts.failAlways(denied());
    const { code, stdout, stderr } = await site.run(['once', ...config]);
    assert.equal(code, 77, stdout + stderr);
    assert.match((stdout + stderr).replaceAll(/\s+/g, ' '), /STS_DENIED.*AccessDenied.*trust policy of the role/);
    assert.deepEqual(keyIds(site), [site.metadata.current().accessKeyId]);
  });

  test('is forgotten by its name, and the other profile stays', async (t) => {
    const { site, config } = await open(t);
    assert.equal((await site.run(['once', ...config])).code, 0);
    const [instance] = keyIds(site);
    const unknown = await site.run(['forget', '--source', 'backp', ...config]);
    assert.equal(unknown.code, 64);
    assert.match(unknown.stderr, /--source: expected sources .*got backp\n.*hint: one of instance, backup/);
    assert.equal((await site.run(['forget', '--all', '--source', 'backup', ...config])).code, 64);
    const { code, stdout, stderr } = await site.run(['forget', '--source', 'backup', ...config]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^forgotten \S+credentials\n$/);
    assert.deepEqual(keyIds(site), [instance]);
    const earlier = site.configure({ sinks: [{ path: site.path('credentials'), format: 'aws-credentials' }] });
    assert.equal((await site.run(['forget', '--source', 'instance', ...earlier])).code, 0);
    assert.doesNotMatch(site.state(), /"written":\{"/);
  });
});
