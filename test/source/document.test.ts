import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import type { Credentials } from '../../src/core/credentials.ts';
import { AgentError, type ErrorCode } from '../../src/core/errors.ts';
import { parseCredentials } from '../../src/source/imds/role.ts';
import { NOON } from '../support/credentials.ts';
import { document } from '../support/imds-server.ts';

function parse(text: string | Buffer): Credentials {
  return parseCredentials(Buffer.from(text), NOON);
}

/** The error, which never quotes a secret. */
function refusal(text: string | Buffer): AgentError {
  try {
    parse(text);
  } catch (error) {
    assert(error instanceof AgentError);
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /SECRET/);
    return error;
  }
  assert.fail('was accepted');
}

test('what EC2 answers', () => {
  const { secretAccessKey, sessionToken, ...open } = parse(document());
  assert.deepEqual(open, {
    accessKeyId: 'ASIAEXAMPLE000000001',
    expiration: Date.UTC(2026, 10, 23, 18),
    lastUpdated: Date.UTC(2026, 10, 23, 11, 55),
  });
  assert.deepEqual([secretAccessKey.reveal(), sessionToken.reveal()], ['the/SECRET+key', 'the/SECRET+token==']);
});

describe('accepted', () => {
  const table: [name: string, text: string][] = [
    ['no Code', document({ Code: undefined })],
    ['Code in another case', document({ Code: 'SUCCESS' })],
    ['keys in another case', document().replace(/"(\w+)":/g, (key) => key.toLowerCase())],
    ['the same key twice, with one value', document({ TOKEN: 'the/SECRET+token==' })],
    ['unknown keys', document({ Unheard: { of: [1] }, unheard: 2, constructor: 3 }).replace('{', '{"__proto__":4,')],
    ['space around it', `\n\t ${document()}\r\n`],
    ['LastUpdated that is none', document({ LastUpdated: 'yesterday' })],
    ['no LastUpdated', document({ LastUpdated: undefined })],
    ['AccountId that is null', document({ AccountId: null })],
    ['AccountId that is empty', document({ AccountId: '' })],
  ];
  for (const [name, text] of table) {
    test(name, () => {
      assert.equal(parse(text).sessionToken.reveal(), 'the/SECRET+token==');
    });
  }

  test('LastUpdated that cannot be read is left out', () => {
    assert.equal('lastUpdated' in parse(document({ LastUpdated: 'yesterday' })), false);
  });

  test('AccountId is kept, in any spelling', () => {
    assert.equal(parse(document({ AccountID: '123456789012' })).accountId, '123456789012');
  });
});

describe('refused as malformed', () => {
  const table: [name: string, text: string | Buffer, got: RegExp][] = [
    ['nothing', '', /a JSON object, got nothing/],
    ['white space', ' \n', /a JSON object, got nothing/],
    ['HTML', '\n<!DOCTYPE html><p>SECRET', /a JSON object, got an HTML page/],
    ['a torn body', document().slice(0, -20), /a JSON object, got \d+ bytes of something else/],
    ['data after the object', `${document()}{}`, /a JSON object/],
    ['an array', `[${document()}]`, /a JSON object/],
    ['null', 'null', /a JSON object/],
    ['a string', JSON.stringify(document()), /a JSON object/],
    ['bytes that are not UTF-8', Buffer.from(document({ X: 'SECRET\u00e9' }), 'latin1'), /a JSON object/],
    ['a key twice in two spellings', document({ token: 'other-SECRET' }), /one value for Token, got several/],
    ['Code that is a number', document({ Code: 200 }), /Code as a string, got number/],
    ['Code that is empty', document({ Code: '' }), /Code with a value/],
    ['AccountId that is a number', document({ AccountId: 123456789012 }), /AccountId as a string, got number/],
    ['AccountId with a line break', document({ AccountId: '1\n2' }), /AccountId in visible ASCII/],
    ['Expiration that is no time', document({ Expiration: 'SECRET' }), /Expiration as an RFC 3339 time/],
    ['Expiration without a zone', document({ Expiration: '2026-11-23T18:00:00' }), /Expiration as an RFC 3339 time/],
    ...['AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration'].flatMap((field): [string, string, RegExp][] => [
      [`no ${field}`, document({ [field]: undefined }), new RegExp(`the field ${field}, got none`)],
      [`${field} that is null`, document({ [field]: null }), new RegExp(`the field ${field}, got none`)],
      [`${field} that is empty`, document({ [field]: '' }), new RegExp(`${field} with a value, got an empty one`)],
      [`${field} that is an array`, document({ [field]: ['SECRET'] }), new RegExp(`${field} as a string, got array`)],
      [`${field} with a line break`, document({ [field]: 'SECRET\nX=1' }), new RegExp(`${field} in visible ASCII`)],
      [`${field} with an escape`, document({ [field]: 'SECRET\u001b[2J' }), new RegExp(`${field} in visible ASCII`)],
      [`${field} with a space`, document({ [field]: 'SECRET x' }), new RegExp(`${field} in visible ASCII`)],
      [`${field} in Unicode`, document({ [field]: 'SECRETé' }), new RegExp(`${field} in visible ASCII`)],
    ]),
  ];
  for (const [name, text, message] of table) {
    test(name, () => {
      const error = refusal(text);
      assert.equal(error.code, 'IMDS_MALFORMED');
      assert.match(error.message, message);
      assert.match(error.hint ?? '', /metadata endpoint/);
    });
  }
});

describe('expired', () => {
  for (const [left, code] of [
    [1, undefined],
    [0, 'IMDS_EXPIRED'],
    [-1000, 'IMDS_EXPIRED'],
  ] as [number, ErrorCode | undefined][]) {
    test(`${left} ms before its end: ${code ?? 'good'}`, () => {
      const text = document({ Expiration: new Date(NOON + left).toISOString() });
      if (code === undefined) assert.equal(parse(text).expiration, NOON + left);
      else assert.equal(refusal(text).code, code);
    });
  }
});

describe('refused by EC2', () => {
  const table: [code: string, hint: RegExp][] = [
    ['AssumeRoleUnauthorizedAccess', /does not trust ec2\.amazonaws\.com/],
    ['InstanceProfileNotFound', /instance profile was deleted/],
    ['Failed', /trust policy/],
    ['Unheard', /look up the code/],
    // Names that every object has are not hints.
    ['constructor', /look up the code/],
    ['__proto__', /look up the code/],
  ];
  for (const [Code, hint] of table) {
    test(Code, () => {
      const error = refusal(
        JSON.stringify({ Code, Message: 'EC2 cannot assume\nthe role \u001b[2J', LastUpdated: 'x' }),
      );
      assert.equal(error.code, 'IMDS_DENIED');
      assert.equal(
        error.message,
        `credentials: expected Code Success, got ${Code} (EC2 cannot assume\\nthe role \\u{1b}[2J)`,
      );
      assert.match(error.hint ?? '', hint);
    });
  }

  test('whatever else the answer holds', () => {
    assert.equal(refusal(document({ Code: 'Failed' })).code, 'IMDS_DENIED');
  });

  test('with a message of any length, of which the beginning is shown', () => {
    assert.equal(refusal(document({ Code: 'Failed', Message: 'x'.repeat(9999) })).message.length < 300, true);
  });
});

describe('of arbitrary bytes', () => {
  const visible = /^[\x21-\x7e]+$/;
  const printable = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+$/u;
  const check = (body: Buffer) => {
    try {
      const { accessKeyId, secretAccessKey, sessionToken, expiration, accountId = '-' } = parseCredentials(body, NOON);
      const texts = [accessKeyId, secretAccessKey.reveal(), sessionToken.reveal(), accountId];
      return texts.every((text) => visible.test(text)) && expiration > NOON;
    } catch (error) {
      return error instanceof AgentError && printable.test(error.message);
    }
  };

  test('come good credentials or an AgentError', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => check(Buffer.from(bytes))));
  });

  test('and so of any JSON', () => {
    fc.assert(fc.property(fc.json(), (text) => check(Buffer.from(text))));
  });

  test('and so of documents with any values', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
      fc.string({ minLength: 1, maxLength: 8 }),
      fc.jsonValue(),
    );
    const change = fc.dictionary(
      fc.constantFrom('Code', 'Message', 'AccessKeyId', 'Token', 'AccountId', 'Expiration'),
      value,
    );
    fc.assert(fc.property(change, (fields) => check(Buffer.from(document(fields)))));
  });

  test('and so of a good document with one byte changed', () => {
    const good = Buffer.from(document());
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
        const body = Buffer.from(good);
        body[at] = byte;
        return check(body);
      }),
    );
  });
});
