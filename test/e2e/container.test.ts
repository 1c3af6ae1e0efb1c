import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { openSite, type Site } from '../support/agent.ts';
import { writeAuthority } from '../support/certificates.ts';
import { ecsAnswer, ID } from '../support/container.ts';
import { answer, rawServer, type RawServer, type Reply } from '../support/raw-server.ts';
import { ROLE_ARN, testSts } from '../support/sts-scene.ts';
import type { Sts } from '../support/sts.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Provided {
  readonly site: Site;
  readonly sts: Sts;
  readonly server: RawServer;
  readonly answers: (reply: Reply) => void;
  readonly token: string;
  readonly config: readonly string[];
}

const TOKEN = 'e30.e30.secret-of-the-token';
const ALIVE = answer(200, ecsAnswer({ Expiration: '2099-01-01T00:00:00Z' }));

/** The profiles of a task and of a pod in one file; the instance is not asked. */
async function open(t: TestContext): Promise<Provided> {
  const site = await openSite(t);
  const { file, ...tls } = writeAuthority(tempDir(t));
  const sts = await testSts(t, { tls, roles: [{ arn: ROLE_ARN, webTokens: [TOKEN] }] });
  let reply = ALIVE;
  const server = await rawServer(t, () => reply);
  const token = site.path('token');
  writeFileSync(token, `${TOKEN}\n`);
  const path = site.path('credentials');
  const config = site.configure({
    sources: {
      task: { type: 'container', endpoint: `${server.origin}/v2/credentials/${ID}`, token_file: token },
      pod: {
        type: 'web_identity',
        role_arn: ROLE_ARN,
        token_file: token,
        endpoint: sts.url,
        region: 'us-east-1',
        ca_file: file,
      },
    },
    sinks: [
      { path, format: 'aws-credentials', profile: 'task', source: 'task' },
      { path, format: 'aws-credentials', profile: 'pod', source: 'pod' },
    ],
  });
  const answers = (next: Reply): void => {
    reply = next;
  };
  return { site, sts, server, answers, token, config };
}

function keyIds(site: Site): readonly string[] {
  const text = readFileSync(site.path('credentials'), 'utf8');
  return [...text.matchAll(/^aws_access_key_id *= *(\S+)$/gm)].map(([, id = '']) => id);
}

describe('a container and a web identity', () => {
  test('stand in two profiles of a file, and no instance is asked', async (t) => {
    const { site, sts, server, config } = await open(t);
    const { code, stderr } = await site.run(['once', ...config]);
    assert.equal(code, 0, stderr);
    assert.deepEqual(keyIds(site), ['ASIAEXAMPLE000000001', sts.sessions[0]?.accessKeyId]);
    assert.equal(site.metadata.requests.length, 0);
    assert.match(server.requests[0] ?? '', new RegExp(`^authorization: ${TOKEN}$`, 'im'));
    const { stdout } = await site.run(['status', '--json']);
    assert.doesNotMatch(stdout + stderr + site.state(), new RegExp(`${TOKEN}|${ID}|session/1|secret/1`));
    const { sources } = JSON.parse(stdout) as { sources: { name: string; state: string }[] };
    assert.deepEqual(
      sources.map(({ name, state }) => [name, state]),
      [
        ['task', 'ok'],
        ['pod', 'ok'],
      ],
    );
  });

  test('that fail leave what is good in the file, and say what is wrong', async (t) => {
    const { site, answers, token, config } = await open(t);
    assert.equal((await site.run(['once', ...config])).code, 0);
    const before = keyIds(site);
    answers(answer(403, 'no such pod'));
    rmSync(token);
    const both = await site.run(['once', ...config]);
    assert.match(both.stdout, /task stale.*\n.*SOURCE_UNREACHABLE: token_file: .*ENOENT/);
    writeFileSync(token, TOKEN);
    const one = await site.run(['once', ...config]);
    assert.match(one.stdout, /SOURCE_DENIED: GET .* got 403 \(no such pod\)/);
    assert.doesNotMatch(both.stdout + one.stdout + site.state(), new RegExp(`${TOKEN}|${ID}`));
    assert.deepEqual(keyIds(site), before);
    assert.match((await site.run(['status'])).stdout, /source task: gives nothing new/);
  });

  test('are examined by the doctor, who asks no instance: it sees a token that nobody renews', async (t) => {
    const { site, token, config } = await open(t);
    assert.equal((await site.run(['once', ...config])).code, 0);
    const seen = async (): Promise<readonly string[]> => {
      const { stdout } = await site.run(['doctor', '--json', ...config]);
      const { findings } = JSON.parse(stdout) as { findings: { id: string; subject: string; evidence: string[] }[] };
      const tokens = findings.filter(({ id }) => id === 'token-unusable' || id === 'source-failing');
      return tokens.map(({ id, subject, evidence }) => `${id} ${subject} ${evidence.join()}`);
    };
    assert.deepEqual(await seen(), []);
    const claims = Buffer.from(JSON.stringify({ iat: 1, exp: 2 })).toString('base64url');
    writeFileSync(token, `e30.${claims}.sig`);
    utimesSync(token, 1, 1);
    const [first, second, ...others] = await seen();
    assert.match(first ?? '', /^token-unusable source task CREDENTIALS_EXPIRED: token_file: .*1970/);
    assert.match(second ?? '', /^token-unusable source pod /);
    assert.deepEqual(others, []);
    rmSync(token);
    assert.match((await seen())[0] ?? '', /^token-unusable source task SOURCE_UNREACHABLE: .*ENOENT/);
    assert.equal(site.metadata.requests.length, 0);
  });

  test('come from the variables of the environment', async (t) => {
    const { site, sts, server, token } = await open(t);
    const config = site.configure({
      sources: { task: { type: 'container' }, pod: { type: 'web_identity' } },
      sinks: [{ path: site.path('credentials'), format: 'aws-credentials', source: 'task' }],
    });
    const env = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${server.origin}/`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'raw token',
    };
    const { code, stderr } = await site.run(['once', ...config], { env });
    assert.equal(code, 0, stderr);
    assert.match(server.requests[0] ?? '', /^authorization: raw token$/im);
    const web = {
      AWS_ROLE_ARN: ROLE_ARN,
      AWS_WEB_IDENTITY_TOKEN_FILE: token,
      AWS_REGION: 'us-east-1',
      AWS_ENDPOINT_URL_STS: sts.url,
    };
    const refused = await site.run(['export', '--source', 'pod', ...config], { env: web });
    assert.match(refused.stderr, /ca_file:/);
    assert.equal(sts.calls.length, 0);
    rmSync(token);
    const { stdout } = await site.run(['doctor', '--json', ...config], { env: web });
    const tokens = [...stdout.matchAll(/"(SOURCE_UNREACHABLE: AWS_WEB_IDENTITY_TOKEN_FILE: .*ENOENT.*)"/g)];
    // Below a service manager the agent has other variables than we.
    assert.equal(tokens.length, existsSync('/run/systemd/system') ? 0 : 1, stdout);
  });
});
