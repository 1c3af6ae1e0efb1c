import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { createWebIdentitySource } from '../../src/source/web-identity/source.ts';
import { containerRig, ecsAnswer } from '../support/container.ts';
import { makeHttp } from '../support/http-requests.ts';
import { limit } from '../support/limits.ts';
import { answer } from '../support/raw-server.ts';
import { goodOf, ROLE_ARN, StandingClock, testSts, self } from '../support/sts-scene.ts';
import { tempDir } from '../support/temp-dir.ts';
import { isMissing } from '../support/tools.ts';

const run = promisify(execFile);

const HTTP = `
const { fromHttp } = require('@aws-sdk/credential-providers');
const [awsContainerCredentialsFullUri, awsContainerAuthorizationTokenFile] = process.argv.slice(1);
fromHttp({ awsContainerCredentialsFullUri, awsContainerAuthorizationTokenFile })().then((found) =>
  console.log(JSON.stringify([found.accessKeyId, found.secretAccessKey, found.sessionToken])));
`;
const TOKEN_FILE = `
const { fromTokenFile } = require('@aws-sdk/credential-providers');
const [webIdentityTokenFile, roleArn, endpoint] = process.argv.slice(1);
fromTokenFile({ webIdentityTokenFile, roleArn, roleSessionName: 'sdk', clientConfig: { region: 'us-east-1', endpoint, maxAttempts: 1 } })().then((found) =>
  console.log(JSON.stringify([found.accessKeyId, found.secretAccessKey, found.sessionToken])));
`;
const BOTOCORE = `
import botocore.session, json
found = botocore.session.get_session().get_credentials().get_frozen_credentials()
print(json.dumps([found.access_key, found.secret_key, found.token]))
`;

/** Debian's takes no endpoint from the environment, and would ask the real one. */
const BOTOCORE_TOKEN_FILE = `
import botocore.session, json, sys
from botocore.credentials import AssumeRoleWithWebIdentityCredentialFetcher
from botocore.utils import FileWebIdentityTokenLoader
file, role, endpoint = sys.argv[1:]
def client(name, **settings):
    return botocore.session.get_session().create_client(name, endpoint_url=endpoint, **settings)
found = AssumeRoleWithWebIdentityCredentialFetcher(
    client_creator=client, web_identity_token_loader=FileWebIdentityTokenLoader(file), role_arn=role,
    extra_args={'RoleSessionName': 'sdk'}).fetch_credentials()
print(json.dumps([found['access_key'], found['secret_key'], found['token']]))
`;

/** Nothing but what a test gives: no SDK may ask the metadata service, or the real STS. */
function environment(t: TestContext, more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { PATH, PYENV_ROOT } = process.env;
  const aws = { AWS_EC2_METADATA_DISABLED: 'true', AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-east-1' };
  return { PATH, PYENV_ROOT, HOME: tempDir(t), AWS_MAX_ATTEMPTS: '1', ...aws, ...more };
}

function tokenFile(t: TestContext, token: string): string {
  const file = join(tempDir(t), 'token');
  writeFileSync(file, token);
  return file;
}

describe('the same endpoint and token file', { timeout: limit(120_000) }, () => {
  const expiration = { Expiration: '2099-01-01T00:00:00Z' };

  /** The set that each got, and what each showed for it. */
  async function fromContainer(t: TestContext, ask: (url: string, file: string) => Promise<string>): Promise<void> {
    const rig = await containerRig(t);
    rig.answers(answer(200, ecsAnswer(expiration)));
    const file = tokenFile(t, 'e30.e30.sig');
    const endpoint = `${rig.server.origin}/v1/credentials`;
    const theirs: unknown = JSON.parse(await ask(endpoint, file));
    const { credentials } = goodOf(await rig.fetch({ endpoint, tokenFile: file }));
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    assert.deepEqual(theirs, [accessKeyId, secretAccessKey.reveal(), sessionToken.reveal()]);
    const shown = rig.server.requests.map((head) => [
      head.split('\r\n')[0],
      /^host: (.*)$/im.exec(head)?.[1],
      /^authorization: (.*)$/im.exec(head)?.[1],
    ]);
    assert.equal(shown.length, 2);
    assert.deepEqual(shown[0], shown[1]);
  }

  test('give the AWS SDK for JavaScript what they give us, of a container', async (t) => {
    await fromContainer(t, async (url, file) => {
      return (await run(process.execPath, ['-e', HTTP, url, file], { env: environment(t) })).stdout;
    });
  });

  test('give botocore what they give us, of a container', async (t) => {
    if (await isMissing(t, 'python3', '-c', 'import botocore')) return;
    // Debian's knows no file for the token.
    await fromContainer(t, async (url, file) => {
      const token = readFileSync(file, 'utf8');
      const variables = { AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN: token };
      return (await run('python3', ['-c', BOTOCORE], { env: environment(t, variables) })).stdout;
    });
  });

  /** Sessions of one role, asked for in the same words. */
  async function fromToken(t: TestContext, ask: (url: string, file: string) => Promise<string>): Promise<void> {
    const sts = await testSts(t, { roles: [{ arn: ROLE_ARN, webTokens: ['e30.e30.sig'] }] });
    const file = tokenFile(t, 'e30.e30.sig');
    const theirs = JSON.parse(await ask(sts.url, file)) as unknown[];
    const settings = { roleArn: ROLE_ARN, tokenFile: file, sessionName: 'sdk', region: 'us-east-1', endpoint: sts.url };
    const source = createWebIdentitySource(
      { type: 'web_identity', name: 'pod', policyArns: [], ...settings },
      { clock: new StandingClock(Date.now()), env: {}, makeHttp, self },
    );
    const { credentials } = goodOf(await source.fetch(new AbortController().signal));
    assert.deepEqual(
      [theirs[0], credentials.accessKeyId],
      sts.sessions.map(({ accessKeyId }) => accessKeyId),
    );
    const [first, second] = sts.calls;
    assert.deepEqual(first?.parameters, second?.parameters);
    assert.deepEqual([first?.headers['authorization'], second?.headers['authorization']], [undefined, undefined]);
  }

  test('give the AWS SDK for JavaScript what they give us, of a role', async (t) => {
    await fromToken(t, async (url, file) => {
      return (await run(process.execPath, ['-e', TOKEN_FILE, file, ROLE_ARN, url], { env: environment(t) })).stdout;
    });
  });

  test('give botocore what they give us, of a role', async (t) => {
    if (await isMissing(t, 'python3', '-c', 'import botocore')) return;
    await fromToken(t, async (url, file) => {
      return (await run('python3', ['-c', BOTOCORE_TOKEN_FILE, file, ROLE_ARN, url], { env: environment(t) })).stdout;
    });
  });
});
