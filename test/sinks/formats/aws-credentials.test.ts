import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { awsSink, EXPIRATION, KEY, render, SECRET, TOKEN } from './rendering.ts';

const id = `aws_access_key_id = ${KEY}\n`;
const secret = `aws_secret_access_key = ${SECRET}\n`;
const token = `aws_session_token = ${TOKEN}\n`;
const security = `aws_security_token = ${TOKEN}\n`;
const keys = id + secret + token;
const old = 'aws_access_key_id = OLD\naws_secret_access_key = OLD\naws_session_token = OLD\n';

const crlf = (text: string): string => text.replaceAll('\n', '\r\n');

describe('aws-credentials: what becomes of a file', () => {
  const cases: readonly (readonly [title: string, before: string, after: string])[] = [
    ['blanks only', ' \n', ` \n[default]\n${keys}`],
    ['blanks without a newline', '  ', `  \n[default]\n${keys}`],
    ['comments only', '# mine\n', `# mine\n\n[default]\n${keys}`],
    ['a blank line at the end', '[other]\nregion = x\n\n', `[other]\nregion = x\n\n[default]\n${keys}`],
    ['several blank lines at the end', '[other]\n\n\n\n', `[other]\n\n\n\n[default]\n${keys}`],
    ['an empty section', '[default]\n', `[default]\n${keys}`],
    ['a header that ends the file', '[default]', `[default]\n${keys}`],
    ['an owned key that ends the file', '[default]\naws_access_key_id = OLD', `[default]\n${keys}`],
    ['a token that ends the file', `[default]\n${id}${secret}aws_session_token = OLD`, `[default]\n${keys.trimEnd()}`],
    ['keys in another order', `[default]\naws_session_token=OLD\nx=y\n`, `[default]\n${token}${id}${secret}x=y\n`],
    ['a stale security token alone', '[default]\naws_security_token=OLD\n', `[default]\n${security}${keys}`],
    ['a section between others', `[a]\nb=c\n[default]\n[d]\n`, `[a]\nb=c\n[default]\n${keys}[d]\n`],
    ['duplicate keys', `[default]\n${old}region=x\n${old}`, `[default]\n${keys}region=x\n`],
    ['duplicates that differ in case', `[default]\n${old}AWS_SESSION_TOKEN=OLD\n`, `[default]\n${keys}`],
    [
      'a missing key beside duplicates',
      '[default]\naws_access_key_id=OLD\nr=x\naws_access_key_id=OLD\n',
      `[default]\n${keys}r=x\n`,
    ],
    ['lines that continue ours', `[default]\naws_access_key_id = OLD\n  OLD\n\n\tOLD = 1\n`, `[default]\n${keys}\n`],
    ['lines that continue a duplicate', `[default]\n${old}aws_session_token = OLD\n  OLD\n`, `[default]\n${keys}`],
    ['lines that continue another key', `[default]\nx = y\n  z\n${old}`, `[default]\nx = y\n  z\n${keys}`],
    ['mixed line ends', '[default]\r\naws_access_key_id=OLD\n\r\n', `[default]\r\n${keys}\r\n`],
    ['CRLF and a missing token', crlf(`[default]\n${id}${secret}x = y\n`), crlf(`[default]\n${keys}x = y\n`)],
    ['CRLF and no newline at the end', '[a]\r\nb = c', crlf(`[a]\nb = c\n\n[default]\n${keys}`)],
    ['a white character after a key', `[default]\naws_session_token\u00a0= OLD\n`, `[default]\n${token}${id}${secret}`],
    ['a form feed on its own', `[default]\n\f\n${old}`, `[default]\n\f\n${keys}`],
    [
      'an inherited security token',
      `[DEFAULT]\nAWS_Security_Token = OLD\n`,
      `[DEFAULT]\nAWS_Security_Token = OLD\n\n[default]\n${keys}${security}`,
    ],
    [
      'one inherited from below',
      `[default]\n${old}[DEFAULT]\naws_security_token=OLD\n`,
      `[default]\n${keys}${security}[DEFAULT]\naws_security_token=OLD\n`,
    ],
    ['a value with = and :', `[default]\naws_session_token:x=y\n${id}${secret}`, `[default]\n${token}${id}${secret}`],
    [
      'an exact name beside one with blanks',
      `[ default ]\n${old}[default]\n`,
      `[ default ]\n${keys}[default]\n${keys}`,
    ],
    ['[DEFAULT] twice', `[DEFAULT]\n[DEFAULT]\n[default]\n${old}`, `[DEFAULT]\n[DEFAULT]\n[default]\n${keys}`],
    ['a source_profile without a role', `[default]\nsource_profile = x\n`, `[default]\n${keys}source_profile = x\n`],
  ];
  for (const [title, before, after] of cases) {
    test(title, () => {
      const { text, warnings } = render({ sink: awsSink(), existing: before });
      assert.equal(text, after);
      assert.deepEqual(warnings, []);
    });
  }

  test('a file that is not there', () => {
    assert.equal(render({ sink: awsSink() }).text, `[default]\n${keys}`);
  });

  test('a profile whose name means something to regular expressions', () => {
    const existing = `[axc]\nr = s\n[a.c]\nr = s\n`;
    const { text } = render({ sink: awsSink({ profile: 'a.c' }), existing });
    assert.equal(text, `[axc]\nr = s\n[a.c]\n${keys}r = s\n`);
  });
});

describe('aws-credentials: what is put right or left with a warning', () => {
  const cases: readonly (readonly [title: string, before: string, after: string, warning: RegExp])[] = [
    ['blanks around the name', `[ default\t]\n${old}`, `[default]\n${keys}`, /^removed the blanks/],
    [
      'brackets in a header comment',
      `[default] # see [y]\n${old}`,
      `[default]\n# see [y]\n${keys}`,
      /^moved the comment/,
    ],
    ['a header comment over nothing', '[default] ; c', `[default]\n; c\n${keys}`, /^moved the comment/],
    [
      'an indented section without ours',
      '[default]\n\tx = y\n',
      `[default]\n${keys.replace(/^/gm, '\t').trimEnd()}\n\tx = y\n`,
      /^line 2: the section is indented/,
    ],
    [
      'an indented comment below ours',
      `[default]\n${id}  # c\n${secret}${token}`,
      `[default]\n${id}# c\n${secret}${token}`,
      /^moved an indented comment/,
    ],
    [
      'an indented comment below the header',
      '[default]\n  # c\n',
      `[default]\n${keys}# c\n`,
      /^moved an indented comment/,
    ],
    ['another section twice', `[a]\n[a]\n[default]\n${old}`, `[a]\n[a]\n[default]\n${keys}`, /^line 2: Python/],
    ['another key twice', `[a]\nb=1\nB=2\n[default]\n${old}`, `[a]\nb=1\nB=2\n[default]\n${keys}`, /^line 3: Python/],
    ['nested lines without =', `[default]\n${old}s3 =\n  x\n`, `[default]\n${keys}s3 =\n  x\n`, /^line 6: Python/],
    [
      '[profile x] beside [x]',
      `[profile default]\n[default]\n${old}`,
      `[profile default]\n[default]\n${keys}`,
      /^line 1: .*most readers/,
    ],
    ['a comment after another header', `[default]\n${old}[a]; b\n`, `[default]\n${keys}[a]; b\n`, /^line 5: a comment/],
    [
      'a lookalike in a value',
      `[default]\nx = y\n  aws_session_token = OLD\n`,
      `[default]\n${keys}x = y\n  aws_session_token = OLD\n`,
      /^line 6: .*looks like/,
    ],
    [
      'an inherited role',
      `[DEFAULT]\nrole_arn = x\n[default]\n${old}`,
      `[DEFAULT]\nrole_arn = x\n[default]\n${keys}`,
      /^line 2: .*inherit/,
    ],
  ];
  for (const [title, before, after, warning] of cases) {
    test(title, () => {
      const { text, warnings } = render({ sink: awsSink(), existing: before });
      assert.equal(text, after);
      assert.equal(warnings.length, 1, warnings.join('; '));
      assert.match(warnings.join(), warning);
    });
  }
});

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
    const followed = `aws_expiration = ${EXPIRATION}\nx_security_token_expires = ${EXPIRATION}\n`;
    assert.equal(render({ sink: awsSink(), existing }).text, `[default]\n${keys}${followed}`);
    assert.equal(
      render({ sink: awsSink({ expirationKey: 'my_expiry' }), existing }).text,
      `[default]\n${keys}${followed}my_expiry = ${EXPIRATION}\n`,
    );
  });
});
