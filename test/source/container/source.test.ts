import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { writeAuthority } from '../../support/certificates.ts';
import { containerRig, ecsAnswer, ID, MISBEHAVIOURS } from '../../support/container.ts';
import { HOUR, NOON } from '../../support/credentials.ts';
import { eventually } from '../../support/eventually.ts';
import { answer, hang } from '../../support/raw-server.ts';
import { badOf, goodOf } from '../../support/sts-scene.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** A JSON web token without a signature that lives from `iat` to `exp`, seconds since 1970. */
function webToken(claims: Readonly<Record<string, number>>): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.sig`;
}

const authorization = (head: string | undefined): string | undefined => /^authorization: (.*)$/im.exec(head ?? '')?.[1];

describe('the endpoint of a container', () => {
  test('gives what ECS gives, and says whose it is', async (t) => {
    const rig = await containerRig(t);
    const { credentials, origin } = goodOf(await rig.fetch());
    assert.equal(credentials.accessKeyId, 'ASIAEXAMPLE000000001');
    assert.equal(credentials.expiration, NOON + 6 * HOUR);
    assert.deepEqual(origin, { endpoint: rig.server.origin, role: 'task', accountId: '123456789012' });
    assert.match(rig.server.requests[0] ?? '', new RegExp(`^GET /v2/credentials/${ID} HTTP/1.1\r\n`));
    assert.equal(authorization(rig.server.requests[0]), undefined);
  });

  test('gives what EKS Pod Identity, CloudShell and Greengrass give', async (t) => {
    const rig = await containerRig(t);
    rig.answers(
      answer(
        200,
        ecsAnswer({ RoleArn: null, AccountId: '210987654321', Expiration: '2026-11-23T18:00:00.123456789Z' }),
      ),
    );
    assert.deepEqual(goodOf(await rig.fetch()).origin, { endpoint: rig.server.origin, accountId: '210987654321' });
    const cloudShell = { RoleArn: null, Code: 'Success', Type: '', LastUpdated: '1970-01-01T00:00:00Z' };
    rig.answers(answer(200, ecsAnswer(cloudShell)));
    assert.equal(goodOf(await rig.fetch()).credentials.lastUpdated, 0);
  });

  test('is asked by a clock that is wrong: that of the endpoint counts', async (t) => {
    const rig = await containerRig(t);
    rig.answers(answer(200, ecsAnswer(), { Date: new Date(NOON - 24 * HOUR).toUTCString() }));
    assert.equal(goodOf(await rig.fetch()).clockSkew, 24 * HOUR);
  });

  test('is shown the token of the file, which is read each time, without its last newline', async (t) => {
    const rig = await containerRig(t);
    const file = join(tempDir(t), 'token');
    writeFileSync(file, 'first token/1==\n');
    goodOf(await rig.fetch({ tokenFile: file }));
    writeFileSync(`${file}.new`, 'second');
    renameSync(`${file}.new`, file);
    goodOf(await rig.fetch({ tokenFile: file }));
    assert.deepEqual(rig.server.requests.map(authorization), ['first token/1==', 'second']);
  });

  test('of the environment has the token of the environment, and the file comes first', async (t) => {
    const rig = await containerRig(t);
    const file = join(tempDir(t), 'token');
    writeFileSync(file, 'of-file');
    const env = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${rig.server.origin}/a?b=c`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'of-variable',
    };
    goodOf(await rig.fetchOf(env));
    goodOf(await rig.fetchOf({ ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file }));
    goodOf(await rig.fetch({}, env));
    assert.deepEqual(rig.server.requests.map(authorization), ['of-variable', 'of-file', undefined]);
    assert.match(rig.server.requests[0] ?? '', /^GET \/a\?b=c /);
  });

  const bad: readonly [what: string, text: string | undefined, code: string, message: RegExp][] = [
    ['is missing', undefined, 'SOURCE_UNREACHABLE', /^token_file: .*ENOENT/],
    ['is empty', '\n', 'SOURCE_MALFORMED', /got nothing$/],
    ['has a line break', 'secret\r\nx-other: 1', 'SOURCE_MALFORMED', /line breaks/],
    ['has other characters', 'secret\u0001', 'SOURCE_MALFORMED', /other characters/],
    ['is too long', 'secret'.repeat(5000), 'SOURCE_MALFORMED', /got 30000 characters$/],
    ['has expired', webToken({ iat: 1, exp: 2 }), 'CREDENTIALS_EXPIRED', /expired at 1970-01-01T00:00:02Z|expired at/],
  ];
  for (const [what, text, code, message] of bad) {
    test(`is not asked when its token ${what}`, async (t) => {
      const rig = await containerRig(t);
      const file = join(tempDir(t), 'token');
      if (text !== undefined) writeFileSync(file, text);
      rig.clock.advance(1e12);
      const refused = badOf(await rig.fetch({ tokenFile: file }));
      assert.equal(refused.code, code);
      assert.match(refused.message, message);
      assert.doesNotMatch(JSON.stringify(refused), /secret/);
      assert.equal(rig.server.requests.length, 0);
    });
  }

  test('is asked over TLS where that is written, by the certificates of ca_file', async (t) => {
    const { file, key, cert } = writeAuthority(tempDir(t));
    const server = createServer({ key, cert }, (_, response) =>
      response.end(ecsAnswer({ Expiration: '2099-01-01T00:00:00Z' })),
    ).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const rig = await containerRig(t);
    const refused = badOf(await rig.fetch({ endpoint }));
    assert.equal(refused.code, 'SOURCE_DENIED');
    assert.match(refused.hint ?? '', /ca_file:/);
    const env = { HTTPS_PROXY: 'http://127.0.0.1:1' };
    assert.equal(goodOf(await rig.fetch({ endpoint, caFile: file }, env)).origin.endpoint, new URL(endpoint).origin);
  });

  test('takes a token that only our clock thinks has expired', async (t) => {
    const rig = await containerRig(t);
    const file = join(tempDir(t), 'token');
    writeFileSync(file, webToken({ iat: 1000, exp: 4600 }));
    goodOf(await rig.fetch({ tokenFile: file }));
  });
});

test('a token that another user could change is not shown by root, nor one that is no file', async (t) => {
  if (process.getuid?.() !== 0) {
    t.skip('needs root');
    return;
  }
  const rig = await containerRig(t);
  const file = join(tempDir(t), 'token');
  writeFileSync(file, 'secret');
  chownSync(file, 65_534, 65_534);
  const refused = badOf(await rig.fetch({ tokenFile: file }));
  assert.deepEqual([refused.code, refused.state], ['CONFIG_UNSAFE', 'denied']);
  rmSync(file);
  symlinkSync('/dev/zero', file);
  assert.equal(badOf(await rig.fetch({ tokenFile: file })).code, 'SOURCE_UNREACHABLE');
  rmSync(file);
  execFileSync('mkfifo', [file]);
  assert.equal(badOf(await rig.fetch({ tokenFile: file })).code, 'SOURCE_UNREACHABLE');
  assert.equal(rig.server.requests.length, 0);
});

describe('an endpoint that misbehaves', () => {
  type Row = readonly [code: string, requests: number, hint: RegExp];
  const rows: Readonly<Record<keyof typeof MISBEHAVIOURS, Row>> = {
    'ECS does not know the id': ['SOURCE_DENIED', 1, /token or the path/],
    'ECS has just started': ['SOURCE_UNREACHABLE', 3, /just after the start/],
    'EKS refuses in plain text': ['SOURCE_DENIED', 1, /role trusts it/],
    'it wants a token': ['SOURCE_DENIED', 1, /token/],
    'the path is another': ['SOURCE_DENIED', 1, /path/],
    'it is asked too often': ['SOURCE_UNREACHABLE', 3, /too often/],
    'it is in trouble': ['SOURCE_UNREACHABLE', 3, /in trouble/],
    'it redirects': ['SOURCE_MALFORMED', 1, /not followed/],
    'a page comes': ['SOURCE_MALFORMED', 3, /what answers there/],
    'nothing comes': ['SOURCE_MALFORMED', 3, /what answers there/],
    'no Expiration comes': ['SOURCE_MALFORMED', 3, /what answers there/],
    'an empty Expiration comes': ['SOURCE_MALFORMED', 3, /what answers there/],
    'a past Expiration comes': ['CREDENTIALS_EXPIRED', 1, /does not renew/],
    'no Token comes': ['SOURCE_MALFORMED', 3, /what answers there/],
    'it says what it was shown': ['SOURCE_DENIED', 1, /token/],
    'the connection ends early': ['SOURCE_MALFORMED', 3, /what answers there/],
    'the connection is reset': ['SOURCE_UNREACHABLE', 3, /hangs/],
    'the connection is closed': ['SOURCE_UNREACHABLE', 3, /hangs/],
    'the body never ends': ['SOURCE_MALFORMED', 3, /what answers there/],
    'it hangs': ['SOURCE_UNREACHABLE', 3, /hangs/],
    'it drips': ['SOURCE_UNREACHABLE', 3, /hangs/],
  };
  for (const [what, [code, requests, hint]] of Object.entries(rows)) {
    const name = what as keyof typeof MISBEHAVIOURS;
    test(`${name}: ${code}`, async (t) => {
      const isSlow = ['it hangs', 'it drips'].includes(name);
      if (isSlow) t.mock.timers.enable({ apis: ['setTimeout'] });
      const rig = await containerRig(t);
      rig.answers(MISBEHAVIOURS[name]);
      const fetching = rig.fetch();
      if (isSlow) await passTime(t.mock.timers, rig.server.requests);
      const refused = badOf(await fetching);
      assert.deepEqual([refused.code, rig.server.requests.length], [code, requests], refused.message);
      assert.match(refused.hint ?? '', hint);
      assert.doesNotMatch(JSON.stringify(refused), new RegExp(`secret|session/1|token/token|${ID}|second line`));
      assert.equal(refused.retry, undefined);
    });
  }

  test('says code and message, or the first line', async (t) => {
    const rig = await containerRig(t);
    rig.answers(MISBEHAVIOURS['ECS does not know the id']);
    assert.match(badOf(await rig.fetch()).message, /got 400 \(InvalidIdInRequest: bad id\)$/);
    rig.answers(MISBEHAVIOURS['EKS refuses in plain text']);
    assert.match(badOf(await rig.fetch()).message, /got 403 \(Access denied\)$/);
    rig.answers(MISBEHAVIOURS['it says what it was shown']);
    assert.match(badOf(await rig.fetch()).message, /got 403 \(\[not shown\]\)$/);
    rig.answers(answer(403, 'no such token as short-token'));
    const env = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${rig.server.origin}/x`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'short-token.b',
    };
    assert.match(badOf(await rig.fetchOf(env)).message, /got 403 \(\[not shown\]\)$/);
    rig.answers(answer(404, 'nothing at /short/path'));
    const { message } = badOf(await rig.fetch({ endpoint: `${rig.server.origin}/short/path` }));
    assert.match(message, /got 404 \(\[not shown\]\)$/);
  });

  test('and then does not: it is asked again', async (t) => {
    const rig = await containerRig(t);
    rig.answers(
      MISBEHAVIOURS['ECS has just started'],
      MISBEHAVIOURS['the connection is reset'],
      answer(200, ecsAnswer()),
    );
    goodOf(await rig.fetch());
    assert.deepEqual(rig.clock.waits, [500, 1000]);
  });

  test('is left when the fetch is aborted', async (t) => {
    const rig = await containerRig(t);
    rig.answers(hang);
    const stop = new AbortController();
    const fetching = rig.fetch({}, {}, stop.signal);
    await eventually('it is asked', () => rig.server.requests.length === 1);
    stop.abort(new Error('over'));
    await assert.rejects(fetching, /over/);
  });
});

/** Until it has been asked three times and nobody waits any more. */
async function passTime(timers: { tick(ms: number): void }, requests: readonly string[]): Promise<void> {
  for (let asked = 1; asked <= 3; asked += 1) {
    while (requests.length < asked) await new Promise((resolve) => setImmediate(resolve));
    timers.tick(5_000);
  }
}
