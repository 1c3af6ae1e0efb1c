import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonShape } from '../../../src/core/config.ts';
import { Secret } from '../../../src/core/secret.ts';
import { EXPIRATION, fresh, jsonSink, KEY, refuse, render, SECRET, TOKEN } from './rendering.ts';

const lastUpdated = fresh.expiration - 6 * 3_600_000;
const origin = { accountId: '111122223333' };

const common = { AccessKeyId: KEY, SecretAccessKey: SECRET };
const shapes: Readonly<Record<JsonShape, object>> = {
  imds: {
    Code: 'Success',
    LastUpdated: '2026-11-23T12:00:00Z',
    Type: 'AWS-HMAC',
    ...common,
    Token: TOKEN,
    Expiration: EXPIRATION,
  },
  process: { Version: 1, ...common, SessionToken: TOKEN, Expiration: EXPIRATION, AccountId: '111122223333' },
  container: { ...common, Token: TOKEN, Expiration: EXPIRATION, AccountId: '111122223333' },
  superset: {
    Version: 1,
    Code: 'Success',
    LastUpdated: '2026-11-23T12:00:00Z',
    Type: 'AWS-HMAC',
    ...common,
    SessionToken: TOKEN,
    Token: TOKEN,
    Expiration: EXPIRATION,
    AccountId: '111122223333',
  },
};

describe('json: shapes', () => {
  for (const [shape, expected] of Object.entries(shapes) as [JsonShape, object][]) {
    test(`${shape}: fields and their order, whatever stood there`, () => {
      const { text } = render({
        sink: jsonSink({ shape }),
        existing: '{"Code": "OLD", "x": ',
        credentials: { ...fresh, lastUpdated },
        origin,
      });
      assert.deepEqual(Object.entries(JSON.parse(text) as object), Object.entries(expected));
    });
  }

  // Cause: scripts that look for `"Token" : "` with sed read what wget saves of the metadata service.
  test('imds is laid out as the metadata service does', () => {
    const { text } = render({ sink: jsonSink({ shape: 'imds' }), credentials: { ...fresh, lastUpdated } });
    assert.equal(
      text,
      [
        '{',
        '  "Code" : "Success",',
        '  "LastUpdated" : "2026-11-23T12:00:00Z",',
        '  "Type" : "AWS-HMAC",',
        `  "AccessKeyId" : "${KEY}",`,
        `  "SecretAccessKey" : "${SECRET}",`,
        `  "Token" : "${TOKEN}",`,
        `  "Expiration" : "${EXPIRATION}"`,
        '}\n',
      ].join('\n'),
    );
  });

  test('leaves out what is not known', () => {
    const { text } = render({ sink: jsonSink({ shape: 'superset' }) });
    const document = JSON.parse(text) as object;
    assert.ok(!('AccountId' in document));
    assert.ok(!('LastUpdated' in document));
  });

  test('prefers the account of the credentials to that of the instance', () => {
    const credentials = { ...fresh, accountId: '444455556666' };
    const { text } = render({ sink: jsonSink({ shape: 'process' }), credentials, origin });
    assert.match(text, /"AccountId" : "444455556666"/);
  });

  test('takes any characters that readers agree on', () => {
    const secret = '"\\\u2028é😀';
    const credentials = { ...fresh, secretAccessKey: new Secret(secret) };
    const { text } = render({ sink: jsonSink({ shape: 'process' }), credentials });
    assert.equal((JSON.parse(text) as typeof common).SecretAccessKey, secret);
  });

  test('refuses characters on which they do not', () => {
    for (const value of ['a\nb', 'a\0', '\x85', '\ud800', '']) {
      const credentials = { ...fresh, secretAccessKey: new Secret(value) };
      for (const content of [{ shape: 'imds' }, { keys: { secret_access_key: ['a'] } }] as const) {
        assert.match(refuse({ sink: jsonSink(content), credentials }), /^secret_access_key: /);
      }
    }
  });
});
