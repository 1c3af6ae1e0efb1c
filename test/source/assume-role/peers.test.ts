import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { createSources, type Sources } from '../../../src/source/registry.ts';
import { judge } from '../../../src/source/trust.ts';
import { sourceDeps } from '../../support/sources.ts';
import { createSimulator } from '../../../src/simulator/simulator.ts';
import { load, loadYaml } from '../../config/harness.ts';
import { makeHttp, openHttp } from '../../support/http-requests.ts';
import { badOf, goodOf, ROLE_ARN, stsRig, testSts } from '../../support/sts-scene.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { answerXml } from '../../support/sts-xml.ts';
import type { Sts } from '../../support/sts.ts';

/** The cases that the SDKs test their own chains with; docs/sources.md says of each whether it is the same here. */

const A = 'arn:aws:iam::210987654321:role/a';
const B = 'arn:aws:iam::123456789012:role/path/b';
const TOKEN = 'e30.e30.sig';
const signal = new AbortController().signal;

interface Scene {
  readonly sts: Sts;
  readonly sources: Sources;
  /** Requests to the metadata service. */
  readonly asked: () => number;
}

/** The simulated instance, STS, and sources with these settings. */
async function scene(t: TestContext, settings: (sts: string) => string): Promise<Scene> {
  const simulator = await createSimulator();
  t.after(() => simulator.close());
  const arn = 'arn:aws:sts::123456789012:assumed-role/demo-role/i-0123456789abcdef0';
  const instance = () => {
    const { token, ...current } = simulator.current();
    return [{ ...current, sessionToken: token, arn }];
  };
  const sts = await testSts(t, { callers: instance, roles: [{ arn: A }, { arn: B, webTokens: [TOKEN] }] });
  const config = loadYaml(t, `imds: { endpoint: "${simulator.url}" }\nsources: ${settings(sts.url)}\nsinks: []\n`);
  const sources = createSources(config, sourceDeps({ http: openHttp(t), makeHttp }));
  return { sts, sources, asked: () => simulator.requests.length };
}

describe('a base', () => {
  test('is the instance: it is asked first, and then STS with its credentials', async (t) => {
    const { sts, sources, asked } = await scene(
      t,
      (url) => `{ a: { type: assume_role, role_arn: "${A}", endpoint: "${url}" } }`,
    );
    const { credentials, origin } = goodOf(await sources('a').fetch(signal));
    assert.equal(credentials.accessKeyId, sts.sessions[0]?.accessKeyId);
    assert.deepEqual([origin.role, origin.accountId, origin.region], ['a', '210987654321', 'us-east-1']);
    assert.match(sts.calls[0]?.parameters['RoleSessionName'] ?? '', /^credrotate-i-[0-9a-f]+$/);
    assert.ok(asked() > 0);
  });

  test('is another role: that one is assumed first, and its session signs', async (t) => {
    const { sts, sources } = await scene(
      t,
      (url) => `{ a: { type: assume_role, role_arn: "${A}", from: b, endpoint: "${url}" },
  b: { type: assume_role, role_arn: "${B}", endpoint: "${url}" } }`,
    );
    goodOf(await sources('a').fetch(signal));
    assert.deepEqual(
      sts.calls.map(({ parameters }) => parameters['RoleArn']),
      [B, A],
    );
    const signer = /Credential=([^/]+)/.exec(sts.calls[1]?.headers['authorization'] ?? '')?.[1];
    assert.equal(signer, sts.sessions[0]?.accessKeyId);
    assert.equal(sts.calls[1]?.parameters['RoleSessionName'], sts.calls[0]?.parameters['RoleSessionName']);
  });

  test('is a web identity: its session signs', async (t) => {
    const file = join(tempDir(t), 'token');
    writeFileSync(file, TOKEN);
    const { sts, sources, asked } = await scene(
      t,
      (url) => `{ a: { type: assume_role, role_arn: "${A}", from: b, endpoint: "${url}" },
  b: { type: web_identity, role_arn: "${B}", token_file: "${file}", region: us-east-1, endpoint: "${url}" } }`,
    );
    goodOf(await sources('a').fetch(signal));
    assert.deepEqual(
      sts.calls.map(({ action, outcome }) => [action, outcome]),
      [
        ['AssumeRoleWithWebIdentity', 'ok'],
        ['AssumeRole', 'ok'],
      ],
    );
    assert.equal(asked(), 0);
  });

  test('is asked once by several roles, and many who ask for one role share its session', async (t) => {
    const { sts, sources, asked } = await scene(
      t,
      (url) => `{ a: { type: assume_role, role_arn: "${A}", endpoint: "${url}" },
  b: { type: assume_role, role_arn: "${B}", endpoint: "${url}" } }`,
    );
    const fetched = await Promise.all(['a', 'a', 'b', 'a', 'b'].map((name) => sources(name).fetch(signal)));
    assert.equal(new Set(fetched.map((one) => goodOf(one).credentials.accessKeyId)).size, 2);
    assert.equal(sts.calls.length, 2);
    assert.equal(asked(), 4);
  });

  test('each question makes a session of its own, under the same name', async (t) => {
    const { sts, sources } = await scene(
      t,
      (url) => `{ a: { type: assume_role, role_arn: "${A}", endpoint: "${url}" } }`,
    );
    for (let times = 0; times < 2; times += 1) goodOf(await sources('a').fetch(signal));
    assert.equal(sts.sessions.length, 2);
    assert.equal(new Set(sts.calls.map(({ parameters }) => parameters['RoleSessionName'])).size, 1);
  });
});

describe('an error of the configuration', () => {
  const arn = `role_arn: "${A}"`;
  const table: readonly [what: string, sources: string, message: RegExp][] = [
    ['itself as base', `{ a: { type: assume_role, ${arn}, from: a } }`, /sources\.a\.from: .* got a circle: a/],
    [
      'a circle',
      `{ a: { type: assume_role, ${arn}, from: b }, b: { type: assume_role, ${arn}, from: a } }`,
      /sources\.a\.from: [^]*sources\.b\.from: /,
    ],
    ['a base that is not there', `{ a: { type: assume_role, ${arn}, from: b } }`, /sources\.a\.from: .* got "b"/],
    ['a base in other letters', `{ a: { type: assume_role, ${arn}, from: Instance } }`, /sources\.a\.from: /],
    ['no role', '{ a: { type: assume_role } }', /sources\.a\.role_arn: /],
    ['nothing', '{ a: {} }', /sources\.a/],
    ['no duration', `{ a: { type: assume_role, ${arn}, duration: soon } }`, /sources\.a\.duration: /],
    ['a second factor', `{ a: { type: assume_role, ${arn}, mfa_serial: x } }`, /sources\.a\.mfa_serial: /],
    [
      'the credentials of a base',
      `{ a: { type: assume_role, ${arn}, access_key_id: x } }`,
      /sources\.a\.access_key_id: /,
    ],
  ];
  for (const [what, sources, message] of table) {
    test(`is ${what}`, (t) => {
      const { result, text } = load(t, {
        'credrotate.yaml': `sources: ${sources}\nsinks: [{ path: /a, format: json, source: a }]\n`,
      });
      assert.equal(result.ok, false);
      assert.match(text, message);
    });
  }
});

describe('an answer', () => {
  const session = {
    accessKeyId: 'ASIAEXAMPLE000000009',
    secretAccessKey: 's3cret+/=',
    sessionToken: 't0ken==',
    expiration: Date.parse('2026-11-23T13:00:00Z'),
    arn: 'arn:aws:sts::210987654321:assumed-role/backup/x',
  };
  const healthy = answerXml(session, undefined);
  const body = (text: string) => ({ kind: 'body', status: 200, body: text }) as const;

  for (const field of ['AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration', 'Credentials']) {
    test(`without ${field} is none`, async (t) => {
      const rig = await stsRig(t);
      rig.sts.failAlways(body(healthy.replace(new RegExp(`<${field}>[^]*</${field}>`), '')));
      const refused = badOf(await rig.fetch());
      assert.equal(refused.code, 'STS_MALFORMED');
      assert.doesNotMatch(JSON.stringify(refused), /s3cret|t0ken/);
    });
  }

  const others: Readonly<Record<string, string>> = {
    'with an empty secret': healthy.replace(session.secretAccessKey, ''),
    'with a line break in the token': healthy.replace(session.sessionToken, 'a\nb'),
    'with a date that is none': healthy.replace(/<Expiration>[^<]*/, '<Expiration>soon'),
    'that has expired': healthy.replace('2026-11-23T13', '2026-11-23T11'),
    'with two keys': healthy.replace('</AccessKeyId>', '</AccessKeyId><AccessKeyId>ASIA</AccessKeyId>'),
    'with a DTD': `<!DOCTYPE x [<!ENTITY e "x">]>${healthy}`,
    'that ends early': healthy.slice(0, -30),
  };
  for (const [what, text] of Object.entries(others)) {
    test(`${what} is none`, async (t) => {
      const rig = await stsRig(t);
      rig.sts.failAlways(body(text));
      assert.equal(badOf(await rig.fetch()).code, 'STS_MALFORMED');
    });
  }

  test('may have its elements in any order, and microseconds', async (t) => {
    const rig = await stsRig(t);
    const [, token = ''] = /\n( *<SessionToken>.*)\n/.exec(healthy) ?? [];
    const text = healthy.replace(`${token}\n`, '').replace('<Credentials>', `<Credentials>${token}`);
    rig.sts.failAlways(body(text.replace('13:00:00Z', '13:00:00.250000Z')));
    const { credentials } = goodOf(await rig.fetch());
    assert.deepEqual(
      [credentials.sessionToken.reveal(), credentials.expiration],
      ['t0ken==', session.expiration + 250],
    );
  });

  test('without an account in its ARN gives none, unless one is expected', async (t) => {
    const rig = await stsRig(t);
    rig.sts.failAlways(body(healthy.replace(session.arn, 'x')));
    assert.equal(goodOf(await rig.fetch()).credentials.accountId, undefined);
    const { users, self } = sourceDeps();
    const judged = await judge(await rig.fetch(), { expectAccount: '210987654321' }, { users, uid: self.uid });
    assert.match(badOf(judged).message, /got some of which nobody says so/);
    assert.equal(rig.sts.calls[0]?.parameters['RoleArn'], ROLE_ARN);
  });
});
