import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { Secret } from '../../../src/core/secret.ts';
import { sign } from '../../../src/source/assume-role/sign.ts';
import { credentials, HOUR } from '../../support/credentials.ts';
import { limit } from '../../support/limits.ts';
import { CALLER, ROLE_ARN, testSts } from '../../support/sts-scene.ts';
import type { Sts } from '../../support/sts.ts';
import { tempDir } from '../../support/temp-dir.ts';

const run = promisify(execFile);

const SDK = `
const { fromTemporaryCredentials } = require('@aws-sdk/credential-providers');
const { accessKeyId, secretAccessKey, sessionToken, endpoint, RoleArn } = JSON.parse(process.argv[1]);
fromTemporaryCredentials({
  masterCredentials: { accessKeyId, secretAccessKey, sessionToken },
  params: { RoleArn, RoleSessionName: 'sdk+1', ExternalId: 'x-1', Tags: [{ Key: 'a b', Value: 'ä=&' }] },
  clientConfig: { region: 'us-east-1', endpoint, maxAttempts: 1 },
})().then((found) => console.log(JSON.stringify(found)));
`;
const BOTO3 = `
import boto3, json
found = boto3.client('sts').assume_role(RoleArn='${ROLE_ARN}', RoleSessionName='boto3', ExternalId='x-1',
    Tags=[{'Key': 'a b', 'Value': '\\u00e4=&'}])['Credentials']
print(json.dumps(found['AccessKeyId']))
`;

function environment(t: TestContext, sts: Sts): NodeJS.ProcessEnv {
  const { PATH, PYENV_ROOT } = process.env;
  return {
    PATH,
    PYENV_ROOT,
    HOME: tempDir(t),
    AWS_ACCESS_KEY_ID: CALLER.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CALLER.secretAccessKey,
    AWS_SESSION_TOKEN: CALLER.sessionToken,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ENDPOINT_URL: sts.url,
    AWS_ENDPOINT_URL_STS: sts.url,
    AWS_MAX_ATTEMPTS: '1',
  };
}

async function isMissing(t: TestContext, program: string, ...args: readonly string[]): Promise<boolean> {
  const isThere = await run(program, args, { timeout: limit(60_000) }).then(
    () => true,
    () => false,
  );
  if (!isThere) t.skip(`needs ${program}: it cannot be run with ${args.join(' ')}`);
  return !isThere;
}

describe('clients that are not ours take the double for STS', { timeout: limit(120_000) }, () => {
  test('the AWS SDK for JavaScript', async (t) => {
    const sts = await testSts(t);
    const input = JSON.stringify({ ...CALLER, endpoint: sts.url, RoleArn: ROLE_ARN });
    const { stdout } = await run(process.execPath, ['-e', SDK, input]);
    const found = JSON.parse(stdout) as Record<string, unknown>;
    const [session] = sts.sessions;
    assert.deepEqual(
      [found['accessKeyId'], found['secretAccessKey'], found['sessionToken'], Date.parse(String(found['expiration']))],
      [session?.accessKeyId, session?.secretAccessKey, session?.sessionToken, session?.expiration],
    );
    assert.equal(sts.calls[0]?.parameters['Tags.member.1.Value'], 'ä=&');
    await assertSameSignature(sts);
  });

  test('boto3', async (t) => {
    if (await isMissing(t, 'python3', '-c', 'import boto3')) return;
    const sts = await testSts(t);
    const { stdout } = await run('python3', ['-c', BOTO3], { env: environment(t, sts) });
    assert.equal(JSON.parse(stdout), sts.sessions[0]?.accessKeyId);
    await assertSameSignature(sts);
  });

  test('the aws command', async (t) => {
    if (await isMissing(t, 'aws', '--version')) return;
    const sts = await testSts(t);
    const args = ['sts', 'assume-role', '--role-arn', ROLE_ARN, '--role-session-name', 'cli', '--external-id', 'x-1'];
    const { stdout } = await run('aws', [...args, '--output', 'json'], { env: environment(t, sts) });
    const { Credentials } = JSON.parse(stdout) as { Credentials: { AccessKeyId: string } };
    assert.equal(Credentials.AccessKeyId, sts.sessions[0]?.accessKeyId);
  });
});

/** What a client sent, signed by us at its time with the headers that it signed, has the signature that it sent. */
async function assertSameSignature(sts: Sts): Promise<void> {
  const call = sts.calls[0];
  assert(call);
  const { authorization = '', 'x-amz-date': date = '', host = '' } = call.headers;
  const names = /SignedHeaders=([^,]+),/.exec(authorization)?.[1]?.split(';') ?? [];
  const own = ['host', 'x-amz-date', 'x-amz-security-token'];
  const headers = Object.fromEntries(
    names.flatMap((name) => (own.includes(name) ? [] : [[name, call.headers[name] ?? '']])),
  );
  const now = Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const signed = await sign(
    { origin: `http://${host}`, headers, body: call.body },
    { credentials: ourCaller(now), region: 'us-east-1', now },
  );
  assert.equal(signed['authorization']?.replaceAll(', ', ','), authorization.replaceAll(', ', ','));
}

function ourCaller(now: number): Parameters<typeof sign>[1]['credentials'] {
  return {
    ...credentials('1'),
    accessKeyId: CALLER.accessKeyId,
    secretAccessKey: new Secret(CALLER.secretAccessKey),
    sessionToken: new Secret(CALLER.sessionToken),
    expiration: now + HOUR,
  };
}

const BODY = new URLSearchParams({
  Action: 'AssumeRole',
  Version: '2011-06-15',
  RoleArn: ROLE_ARN,
  RoleSessionName: 'one',
  ExternalId: 'x-1',
}).toString();

/** A request of ours, sent as it is given. Gives the status, and the code of the error. */
async function send(sts: Sts, headers: Record<string, string>, body: string, path = '/'): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  request(`${sts.url}${path}`, { method: 'POST', headers }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (part: string) => (text += part));
    response.on('end', () => {
      resolve(/<Code>(\w+)</.exec(text)?.[1] ?? String(response.statusCode));
    });
  })
    .on('error', reject)
    .end(body);
  return promise;
}

async function signed(sts: Sts, now: number, body = BODY): Promise<Record<string, string>> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return sign({ origin: sts.url, headers, body }, { credentials: ourCaller(now), region: 'us-east-1', now });
}

describe('the double refuses', () => {
  const spoiled: Readonly<
    Record<string, (headers: Record<string, string>, body: string) => [Record<string, string>, string, string?]>
  > = {
    'a byte of the body': (headers, body) => [headers, body.replace('one', 'onf')],
    'a byte more': (headers, body) => [headers, `${body}&`],
    'a byte of the type': (headers, body) => [
      { ...headers, 'content-type': `${headers['content-type'] ?? ''};` },
      body,
    ],
    'a byte of the signature': (headers, body) => [
      {
        ...headers,
        authorization: (headers['authorization'] ?? '').replace(/.$/, (last) => (last === '0' ? '1' : '0')),
      },
      body,
    ],
    'another second': (headers, body) => [
      { ...headers, 'x-amz-date': (headers['x-amz-date'] ?? '').replace(/.Z$/, (end) => (end === '0Z' ? '1Z' : '0Z')) },
      body,
    ],
    'another path': (headers, body) => [headers, body, '/x'],
    'a header of AWS that is not signed': (headers, body) => [{ ...headers, 'x-amz-other': '1' }, body],
    'a host that is not signed': (headers, body) => [
      { ...headers, authorization: (headers['authorization'] ?? '').replace('host;', '') },
      body,
    ],
    'another region': (headers, body) => [
      { ...headers, authorization: (headers['authorization'] ?? '').replace('us-east-1', 'us-east-2') },
      body,
    ],
  };
  for (const [what, spoil] of Object.entries(spoiled)) {
    test(`${what}: SignatureDoesNotMatch`, async (t) => {
      const sts = await testSts(t);
      const headers = await signed(sts, Date.now());
      assert.equal(await send(sts, headers, BODY), '200');
      assert.equal(await send(sts, ...spoil(headers, BODY)), 'SignatureDoesNotMatch');
    });
  }

  test('a signature of ten minutes ago, and one of then', async (t) => {
    const sts = await testSts(t);
    for (const offset of [-600_000, 600_000]) {
      assert.equal(await send(sts, await signed(sts, Date.now() + offset), BODY), 'SignatureDoesNotMatch');
    }
  });

  test('no signature, another token, other keys', async (t) => {
    const sts = await testSts(t);
    const headers = await signed(sts, Date.now());
    const { authorization = '', ...unsigned } = headers;
    assert.equal(await send(sts, unsigned, BODY), 'MissingAuthenticationToken');
    assert.equal(await send(sts, { ...headers, 'x-amz-security-token': 'x' }, BODY), 'InvalidClientTokenId');
    const others = authorization.replace(CALLER.accessKeyId, 'ASIAOTHER00000000000');
    assert.equal(await send(sts, { ...headers, authorization: others }, BODY), 'InvalidClientTokenId');
    assert.equal(await send(sts, { ...headers, authorization: 'AWS4-HMAC-SHA256 x' }, BODY), 'IncompleteSignature');
  });

  const parameters: readonly [what: string, change: Record<string, string>, code: string][] = [
    ['another external id', { ExternalId: 'x-2' }, 'AccessDenied'],
    ['another role', { RoleArn: `${ROLE_ARN}2` }, 'AccessDenied'],
    ['a blank in the session name', { RoleSessionName: 'a b' }, 'ValidationError'],
    ['a second less than 15 minutes', { DurationSeconds: '899' }, 'ValidationError'],
    ['a second more than an hour, for a chained role', { DurationSeconds: '3601' }, 'ValidationError'],
    ['an unknown parameter', { Durationseconds: '900' }, 'ValidationError'],
    ['another version', { Version: '2011-06-16' }, 'InvalidAction'],
  ];
  for (const [what, change, code] of parameters) {
    test(`${what}: ${code}`, async (t) => {
      const sts = await testSts(t);
      const body = new URLSearchParams({ ...Object.fromEntries(new URLSearchParams(BODY)), ...change }).toString();
      assert.equal(await send(sts, await signed(sts, Date.now(), body), body), code);
    });
  }
});
