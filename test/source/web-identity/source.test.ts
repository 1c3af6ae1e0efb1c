import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { WebIdentityConfig } from '../../../src/core/config.ts';
import type { Environment, Fetched } from '../../../src/core/contracts.ts';
import { createWebIdentitySource } from '../../../src/source/web-identity/source.ts';
import { HOUR, NOON } from '../../support/credentials.ts';
import { makeHttp } from '../../support/http-requests.ts';
import { answer, rawServer } from '../../support/raw-server.ts';
import { badOf, goodOf, ROLE_ARN, self, StandingClock, testSts } from '../../support/sts-scene.ts';
import { throttled, type Sts, type StsFault } from '../../support/sts.ts';
import { tempDir } from '../../support/temp-dir.ts';

const TOKEN = 'e30.first.sig';

interface WebRig {
  readonly sts: Sts;
  readonly clock: StandingClock;
  /** The file of the token, as in a pod: behind links that are exchanged. */
  readonly file: string;
  renew(token: string): void;
  /** In the moment in which STS answers next. */
  renewWhenCalled(token: string): void;
  fetch(config?: Partial<WebIdentityConfig>, env?: Environment): Promise<Fetched>;
  /** With all that is told by the environment. */
  fetchOf(env: Environment): Promise<Fetched>;
}

async function webRig(t: TestContext, tokens: readonly string[] = [TOKEN, 'second']): Promise<WebRig> {
  const clock = new StandingClock();
  let waiting: string | undefined;
  const sts = await testSts(t, {
    now: () => clock.now(),
    roles: [{ arn: ROLE_ARN, webTokens: tokens, maxDuration: 12 * 3600 }],
    onCall() {
      if (waiting !== undefined) renew(waiting);
      waiting = undefined;
    },
  });
  const directory = tempDir(t);
  let versions = 0;
  const renew = (token: string): void => {
    versions += 1;
    mkdirSync(join(directory, `..${versions}`));
    writeFileSync(join(directory, `..${versions}`, 'token'), token);
    symlinkSync(`..${versions}`, join(directory, '..new'));
    renameSync(join(directory, '..new'), join(directory, '..data'));
  };
  renew(`${TOKEN}\n`);
  const file = join(directory, 'token');
  symlinkSync('..data/token', file);
  const region = 'us-east-1';
  const ask = (config: Partial<WebIdentityConfig>, env: Environment): Promise<Fetched> =>
    createWebIdentitySource(
      { type: 'web_identity', name: 'pod', policyArns: [], region, endpoint: sts.url, ...config },
      { clock, env, makeHttp, self },
    ).fetch(new AbortController().signal);
  return {
    ...{ sts, clock, file, renew },
    renewWhenCalled(token) {
      waiting = token;
    },
    fetch: (config, env = {}) => ask({ roleArn: ROLE_ARN, tokenFile: file, ...config }, env),
    fetchOf: (env) => ask({}, env),
  };
}

const error = (code: string, message = 'on demand', status = 400): StsFault => ({
  kind: 'error',
  status,
  code,
  message,
});

describe('a web identity', () => {
  test('gives the session that STS gave for the token, unsigned, and says whose it is', async (t) => {
    const rig = await webRig(t);
    const { credentials, origin } = goodOf(await rig.fetch());
    const [call] = rig.sts.calls;
    assert.equal(credentials.accessKeyId, rig.sts.sessions[0]?.accessKeyId);
    assert.equal(credentials.expiration, NOON + HOUR);
    assert.deepEqual(origin, { endpoint: rig.sts.url, region: 'us-east-1', role: 'backup', accountId: '210987654321' });
    const { RoleSessionName = '', ...others } = call?.parameters ?? {};
    assert.match(RoleSessionName, /^credrotate-/);
    assert.deepEqual(others, {
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: ROLE_ARN,
      WebIdentityToken: TOKEN,
    });
    assert.equal(call?.headers['authorization'], undefined);
    assert.equal(call?.headers['x-amz-security-token'], undefined);
  });

  test('is in no message, whatever the service says', async (t) => {
    const rig = await webRig(t);
    const error = `<Error><Code>InvalidIdentityToken</Code><Message>no key for ${TOKEN}</Message></Error>`;
    const { origin } = await rawServer(t, () => answer(400, `<ErrorResponse>${error}</ErrorResponse>`));
    const { message } = badOf(await rig.fetch({ endpoint: origin }));
    assert.match(message, /got InvalidIdentityToken \(no key for /);
    assert.ok(!message.includes(TOKEN), message);
  });

  test('sends all that is configured: a session may be longer than that of a base', async (t) => {
    const rig = await webRig(t);
    const duration = 12 * HOUR;
    const { credentials } = goodOf(
      await rig.fetch({ sessionName: 'nightly', duration, policy: '{}', policyArns: ['arn:aws:iam::aws:policy/X'] }),
    );
    assert.equal(credentials.expiration, NOON + duration);
    const {
      RoleSessionName,
      DurationSeconds,
      Policy,
      'PolicyArns.member.1.arn': arn,
    } = rig.sts.calls[0]?.parameters ?? {};
    assert.deepEqual(
      [RoleSessionName, DurationSeconds, Policy, arn],
      ['nightly', '43200', '{}', 'arn:aws:iam::aws:policy/X'],
    );
  });

  test('reads the token each time', async (t) => {
    const rig = await webRig(t);
    goodOf(await rig.fetch());
    rig.renew('second');
    goodOf(await rig.fetch());
    assert.deepEqual(
      rig.sts.calls.map(({ parameters }) => parameters['WebIdentityToken']),
      [TOKEN, 'second'],
    );
  });

  test('is that of the environment where nothing is configured', async (t) => {
    const rig = await webRig(t);
    const env = { AWS_ROLE_ARN: ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE: rig.file, AWS_ROLE_SESSION_NAME: 'of-env' };
    goodOf(await rig.fetchOf(env));
    assert.equal(rig.sts.calls[0]?.parameters['RoleSessionName'], 'of-env');
    goodOf(await rig.fetch({}, { ...env, AWS_ROLE_ARN: 'arn:aws:iam::210987654321:role/other' }));
    const { RoleArn, RoleSessionName = '' } = rig.sts.calls[1]?.parameters ?? {};
    assert.equal(RoleArn, ROLE_ARN);
    assert.match(RoleSessionName, /^credrotate-/);
  });

  test('without role or file is an error that names the variable', async (t) => {
    const rig = await webRig(t);
    const env = { AWS_ROLE_ARN: ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE: rig.file };
    for (const name of Object.keys(env)) {
      for (const value of ['', 'something']) {
        const refused = badOf(await rig.fetchOf({ ...env, [name]: value }));
        assert.equal(refused.code, 'CONFIG_INVALID');
        assert.match(refused.message, new RegExp(`^${name}: expected `));
      }
    }
    assert.match(badOf(await rig.fetchOf({ ...env, AWS_ROLE_SESSION_NAME: 'a b' })).message, /^AWS_ROLE_SESSION_NAME/);
    assert.equal(rig.sts.calls.length, 0);
  });
});

describe('a token', () => {
  const jwt = (claims: object): string => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`;

  test('that is missing for a moment is no reason to wait long', async (t) => {
    const rig = await webRig(t);
    rmSync(rig.file);
    const refused = badOf(await rig.fetch());
    assert.deepEqual([refused.code, refused.state, refused.retry], ['SOURCE_UNREACHABLE', 'unreachable', undefined]);
    assert.match(refused.message, /^token_file: .*ENOENT/);
  });

  test('that has expired is not sent, and nobody is asked', async (t) => {
    const rig = await webRig(t);
    rig.clock.advance(24 * 365 * HOUR);
    rig.renew(jwt({ iat: NOON / 1000 - 3600, exp: NOON / 1000 }));
    const refused = badOf(await rig.fetch());
    assert.deepEqual([refused.code, refused.state], ['CREDENTIALS_EXPIRED', 'expired']);
    assert.match(refused.hint ?? '', /kubelet/);
    assert.equal(rig.sts.calls.length, 0);
  });

  test('that STS takes for expired is read again, and sent if it is another', async (t) => {
    const rig = await webRig(t);
    rig.sts.failAlways(error('ExpiredTokenException', 'Token expired: current date/time 2 must be before 1'));
    const refused = badOf(await rig.fetch());
    assert.deepEqual([refused.code, refused.retry, rig.sts.calls.length], ['STS_DENIED', 'later', 1]);
    assert.match(refused.hint ?? '', /nobody has put another/);
    rig.sts.failAlways(undefined);
    rig.renewWhenCalled('second');
    rig.sts.fail(error('ExpiredTokenException'));
    goodOf(await rig.fetch());
    assert.deepEqual(
      rig.sts.calls.slice(1).map(({ parameters }) => parameters['WebIdentityToken']),
      [TOKEN, 'second'],
    );
  });
});

describe('a refusal of a web identity', () => {
  const table: readonly [fault: StsFault, code: string, retry: string | undefined, calls: number, hint: RegExp][] = [
    [
      error('AccessDenied', 'Not authorized', 403),
      'STS_DENIED',
      'later',
      1,
      /sts:AssumeRoleWithWebIdentity .*sub.*aud/,
    ],
    [
      error('InvalidIdentityToken', "Couldn't retrieve verification key"),
      'STS_DENIED',
      undefined,
      1,
      /identity provider/,
    ],
    [error('IDPCommunicationError'), 'STS_UNREACHABLE', undefined, 1, /recover/],
    [error('IDPRejectedClaim', 'no', 403), 'STS_DENIED', 'later', 1, /refuses it/],
    [throttled, 'STS_THROTTLED', 'throttled', 1, /600 calls/],
    [error('ValidationError', 'exceeds the MaxSessionDuration set'), 'STS_REJECTED', 'later', 1, /update-role/],
  ];
  for (const [fault, code, retry, calls, hint] of table) {
    test(`${JSON.stringify(fault).slice(0, 80)}: ${code}`, async (t) => {
      const rig = await webRig(t);
      rig.sts.failAlways(fault);
      const refused = badOf(await rig.fetch());
      assert.deepEqual([refused.code, refused.retry, rig.sts.calls.length], [code, retry, calls]);
      assert.match(refused.hint ?? '', hint);
      assert.match(refused.message, /^AssumeRoleWithWebIdentity: /);
      assert.doesNotMatch(JSON.stringify(refused), /e30/);
    });
  }

  test('503, then 200: the next pass has it', async (t) => {
    const rig = await webRig(t);
    rig.sts.fail(error('ServiceUnavailable', '', 503));
    assert.deepEqual([badOf(await rig.fetch()).retry], [undefined]);
    goodOf(await rig.fetch());
  });
});
