import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { clearCredentialCache, getSigningKey } from '@smithy/signature-v4';
import fc from 'fast-check';
import { Secret } from '../../../src/core/secret.ts';
import { sign } from '../../../src/source/assume-role/sign.ts';
import { credentials, HOUR, NOON } from '../../support/credentials.ts';
import { failure } from '../../support/failure.ts';
import { signatureOf } from '../../support/sts-signature.ts';

interface Question {
  readonly origin: string;
  readonly body: string;
  readonly region: string;
  readonly secret: string;
  readonly token: string;
  readonly now: number;
}

const ascii = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCodePoint(code)),
  minLength: 1,
});
const question = fc.record<Question>({
  origin: fc.constantFrom(
    'https://sts.eu-west-1.amazonaws.com',
    'https://sts.cn-north-1.amazonaws.com.cn',
    'http://127.0.0.1:4566',
    'https://[::1]:8443',
    'https://sts.internal:443',
  ),
  body: fc
    .dictionary(ascii, fc.string({ unit: 'binary' }), { maxKeys: 8 })
    .map((fields) => new URLSearchParams({ Action: 'AssumeRole', ...fields }).toString()),
  region: fc.constantFrom('us-east-1', 'cn-north-1', 'us-gov-west-1', 'eusc-de-east-1'),
  secret: ascii,
  token: ascii,
  now: fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2080, 0) }),
});

const HEADERS = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };

async function ours({ origin, body, region, secret, token, now }: Question): Promise<Record<string, string>> {
  const keys = { secretAccessKey: new Secret(secret), sessionToken: new Secret(token), expiration: now + HOUR };
  return sign({ origin, body, headers: HEADERS }, { credentials: credentials('1', keys), region, now });
}

const signature = (headers: Record<string, string>): string =>
  /Signature=([0-9a-f]{64})$/.exec(headers['authorization'] ?? '')?.[1] ?? '';

const BOTOCORE = `
import json, sys
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
found = []
for q in json.load(sys.stdin):
    headers = {'Content-Type': q['type'], 'X-Amz-Date': q['date'], 'X-Amz-Security-Token': q['token']}
    request = AWSRequest('POST', q['origin'] + '/', headers=headers, data=q['body'])
    request.context['timestamp'] = q['date']
    auth = SigV4Auth(Credentials(q['id'], q['secret'], q['token']), 'sts', q['region'])
    found.append(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))
print(json.dumps(found))
`;

describe('a signature', () => {
  test('is that of an independent reckoning, for generated requests', async () => {
    await fc.assert(
      fc.asyncProperty(question, async (asked) => {
        const headers = await ours(asked);
        const { region, secret, body } = asked;
        const date = headers['x-amz-date'] ?? '';
        const scope = `${date.slice(0, 8)}/${region}/sts/aws4_request`;
        const names = 'content-type;host;x-amz-date;x-amz-security-token';
        const request = { method: 'POST', target: '/', headers, body: Buffer.from(body) };
        assert.equal(signature(headers), signatureOf(request, { date, day: date.slice(0, 8), region, names, secret }));
        assert.match(headers['authorization'] ?? '', new RegExp(`/${scope}, SignedHeaders=${names}, `));
        assert.equal(headers['host'], new URL(asked.origin).host);
      }),
    );
  });

  test("is botocore's, for generated requests", async (t) => {
    if (spawnSync('python3', ['-c', 'import botocore']).status !== 0) {
      t.skip('needs botocore: python3 cannot import it');
      return;
    }
    const asked = fc.sample(question, 200);
    const signed = await Promise.all(asked.map(ours));
    const input = asked.map((one, at) => ({
      ...one,
      id: credentials('1').accessKeyId,
      type: HEADERS['content-type'],
      date: signed[at]?.['x-amz-date'],
    }));
    const found: unknown = JSON.parse(
      execFileSync('python3', ['-c', BOTOCORE], { input: JSON.stringify(input), encoding: 'utf8' }),
    );
    assert.deepEqual(signed.map(signature), found);
  });

  test('is not made with credentials that have expired', async () => {
    const expired = credentials('1', { expiration: NOON });
    const signing = sign(
      { origin: 'https://sts.amazonaws.com', body: '', headers: {} },
      { credentials: expired, region: 'us-east-1', now: NOON },
    );
    await assert.rejects(signing, failure('CREDENTIALS_EXPIRED', /expected some that are good/, /^$/));
  });

  test('leaves none of the keys that it was made with in memory', async () => {
    const own = credentials('1', { expiration: NOON + HOUR });
    const region = 'eu-west-1';
    await sign({ origin: 'https://sts.amazonaws.com', body: '', headers: {} }, { credentials: own, region, now: NOON });
    let hashes = 0;
    class Counting {
      readonly #hash;
      constructor(secret: unknown) {
        hashes += 1;
        this.#hash = hmac.create(sha256, typeof secret === 'string' ? Buffer.from(secret) : (secret as Uint8Array));
      }
      update(data: Uint8Array): void {
        this.#hash.update(data);
      }
      digest(): Promise<Uint8Array> {
        return Promise.resolve(this.#hash.digest());
      }
      reset(): void {
        assert.fail();
      }
    }
    const { accessKeyId, secretAccessKey, sessionToken } = own;
    const keys = { accessKeyId, secretAccessKey: secretAccessKey.reveal(), sessionToken: sessionToken.reveal() };
    const derive = () =>
      getSigningKey(Counting, keys, new Date(NOON).toISOString().slice(0, 10).replaceAll('-', ''), region, 'sts');
    await derive();
    assert.equal(
      hashes,
      5,
      'it had to be derived: the name that it is kept by, the date, the region, the service, the end',
    );
    await derive();
    assert.equal(hashes, 6, 'as it would be kept');
    clearCredentialCache();
  });
});
