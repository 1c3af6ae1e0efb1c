import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { sign } from '../../src/source/assume-role/sign.ts';
import { limit } from '../support/limits.ts';
import { CALLER, ourCaller, ROLE_ARN, testSts } from '../support/sts-scene.ts';
import type { Sts } from '../support/sts.ts';
import { tempDir } from '../support/temp-dir.ts';
import { isMissing } from '../support/tools.ts';

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
import boto3, json, sys
found = boto3.client('sts', endpoint_url=sys.argv[1]).assume_role(RoleArn='${ROLE_ARN}', RoleSessionName='boto3', ExternalId='x-1',
    Tags=[{'Key': 'a b', 'Value': '\\u00e4=&'}])['Credentials']
print(json.dumps(found['AccessKeyId']))
`;

function environment(t: TestContext): NodeJS.ProcessEnv {
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
    AWS_MAX_ATTEMPTS: '1',
  };
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
    const { stdout } = await run('python3', ['-c', BOTO3, sts.url], { env: environment(t) });
    assert.equal(JSON.parse(stdout), sts.sessions[0]?.accessKeyId);
    await assertSameSignature(sts);
  });

  test('the aws command', async (t) => {
    if (await isMissing(t, 'aws', '--version')) return;
    const sts = await testSts(t);
    const args = ['sts', 'assume-role', '--role-arn', ROLE_ARN, '--role-session-name', 'cli', '--external-id', 'x-1'];
    const { stdout } = await run('aws', [...args, '--endpoint-url', sts.url, '--output', 'json'], {
      env: environment(t),
    });
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
