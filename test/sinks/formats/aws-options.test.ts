import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { awsSink, EXPIRATION, KEY, render, SECRET, TOKEN } from './rendering.ts';

const id = `aws_access_key_id = ${KEY}\n`;
const secret = `aws_secret_access_key = ${SECRET}\n`;
const token = `aws_session_token = ${TOKEN}\n`;
const security = `aws_security_token = ${TOKEN}\n`;
const keys = id + secret + token;
const old = 'aws_access_key_id = OLD\naws_secret_access_key = OLD\naws_session_token = OLD\n';

describe('aws-credentials: options', () => {
  test('security_token: always and never', () => {
    assert.equal(render({ sink: awsSink({ securityToken: 'always' }) }).text, `[default]\n${keys}${security}`);
    const existing = `[default]\n${old}aws_security_token = OLD\n  OLD\nx = y\n`;
    assert.equal(render({ sink: awsSink({ securityToken: 'never' }), existing }).text, `[default]\n${keys}x = y\n`);
  });

  test('security_token: never cannot keep an inherited one away', () => {
    const existing = '[DEFAULT]\naws_security_token = OLD\n';
    assert.match(render({ sink: awsSink({ securityToken: 'never' }), existing }).warnings.join(), /inherit/);
  });

  test('account_id writes what is known and leaves nothing that may be false', () => {
    const sink = awsSink({ accountId: true });
    const origin = { accountId: '111122223333' };
    const stale = `[default]\n${old}aws_account_id = OLD\n`;
    assert.equal(render({ sink, origin }).text, `[default]\n${keys}aws_account_id = 111122223333\n`);
    assert.equal(render({ sink, existing: stale }).text, `[default]\n${keys}`);
    assert.equal(
      render({ sink: awsSink(), origin, existing: stale }).text,
      `[default]\n${keys}aws_account_id = 111122223333\n`,
    );
    assert.equal(render({ sink: awsSink(), existing: stale }).text, `[default]\n${keys}aws_account_id = OLD\n`);
  });

  test('expiration_key is written, and known ones are kept true where they stand', () => {
    const existing = `[default]\n${old}aws_expiration = OLD\nX_Security_Token_Expires = OLD\n`;
    const followed = `aws_expiration = ${EXPIRATION}\nX_Security_Token_Expires = ${EXPIRATION}\n`;
    assert.equal(render({ sink: awsSink(), existing }).text, `[default]\n${keys}${followed}`);
    assert.equal(
      render({ sink: awsSink({ expirationKey: 'my_expiry' }), existing }).text,
      `[default]\n${keys}${followed}my_expiry = ${EXPIRATION}\n`,
    );
  });

  test('expirations are followed in the form in which they stand, and a duration is none', () => {
    const names = ['expiration', 'expiry_time', 'aws_credential_expiration', 'aws_session_token_expiration'];
    const at = Date.parse(EXPIRATION);
    for (const name of [
      ...names,
      'aws_credentials_expiration',
      'AWS_CREDENTIAL_EXPIRATION',
      'aws_session_expiration',
    ]) {
      for (const [given, expected] of [
        ['1764000000', String(at / 1000)],
        ['1764000000.5', String(at / 1000)],
        ['1764000000000', String(at)],
        ['2025-01-01T00:00:00+00:00', EXPIRATION],
        ['', EXPIRATION],
        ['3600', '3600'],
      ] as const) {
        const existing = `[default]\n${keys}${name} = ${given}\n`;
        assert.equal(render({ sink: awsSink(), existing }).text, `[default]\n${keys}${name} = ${expected}\n`);
      }
    }
  });
});
