import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { awsSink, KEY, render, SECRET, TOKEN } from './rendering.ts';

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
    ['lines that continue ours', `[default]\naws_access_key_id = OLD\n  OLD\n\n\tOLD\n`, `[default]\n${keys}\n`],
    [
      'a token in several lines',
      `[default]\n${id}${secret}aws_session_token = OLD\n  ${'aB3+/'.repeat(6)}\n  ${'aB3+/'.repeat(6)}==\n`,
      `[default]\n${keys}`,
    ],
    ['keys of ours below a key of ours', `[default]\n${id}  aws_secret_access_key = OLD\n`, `[default]\n${keys}`],
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
      'a key of ours below a setting without a value',
      `[default]\n${old}s3 =\n  aws_session_token = OLD\n`,
      `[default]\n${keys}s3 =\n  aws_session_token = OLD\n`,
      /^line 6: .*PHP/,
    ],
    [
      'a setting below a key of ours',
      `[default]\n${id}  region = x\n${secret}${token}`,
      `[default]\n${id}region = x\n${secret}${token}`,
      /^line 3: .*line of its own/,
    ],
    [
      'settings and a block below the last key of ours',
      `[default]\n${id}${secret}aws_session_token = OLD\n  OLD\n\n    output=json\n    s3 =\n\n      max = 1\n`,
      `[default]\n${keys}\noutput=json\ns3 =\n\n  max = 1\n`,
      /^line 7: .*line of its own/,
    ],
    [
      'a setting below a duplicate',
      `[default]\n${keys}aws_session_token = OLD\n\tregion = x\n`,
      `[default]\n${keys}region = x\n`,
      /^line 6: .*line of its own/,
    ],
    [
      'a no-break space on a line of its own',
      `[default]\n${old}\u00a0\n`,
      `[default]\n${keys}\u00a0\n`,
      /^line 5: a no-break space \(U\+00A0\)/,
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
