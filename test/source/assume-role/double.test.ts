import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, test } from 'node:test';
import { sign } from '../../../src/source/assume-role/sign.ts';
import { CALLER, ourCaller, ROLE_ARN, testSts } from '../../support/sts-scene.ts';
import type { Sts } from '../../support/sts.ts';

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
