import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Secret } from '../../../src/core/secret.ts';
import { dotenvSink, EXPIRATION, fresh, KEY, refuse, render, SECRET, TOKEN } from './rendering.ts';

const id = `AWS_ACCESS_KEY_ID=${KEY}\n`;
const secret = `AWS_SECRET_ACCESS_KEY=${SECRET}\n`;
const token = `AWS_SESSION_TOKEN=${TOKEN}\n`;
const expiration = `AWS_CREDENTIAL_EXPIRATION=${EXPIRATION}\n`;
const all = id + secret + token + expiration;
const old =
  'AWS_ACCESS_KEY_ID=OLD\nAWS_SECRET_ACCESS_KEY="OLD" # c\nAWS_SESSION_TOKEN = OLD\nAWS_CREDENTIAL_EXPIRATION=\n';

describe('dotenv: what becomes of a file', () => {
  const cases: readonly (readonly [title: string, before: string, after: string])[] = [
    ['an empty file', '', all],
    ['other variables', 'A=b\n# c\n\n', `A=b\n# c\n\n${all}`],
    ['no newline at the end', 'A=b', `A=b\n${all}`],
    ['ours, in every form', `A=b\n${old}C=d\n`, `A=b\n${all}C=d\n`],
    [
      'ours, without a newline at the end',
      `${id}${secret}${expiration}AWS_SESSION_TOKEN=OLD`,
      id + secret + expiration + token,
    ],
    ['the last of several', `${old}A=b\n${old}C=d\n`, `A=b\n${all}C=d\n`],
    [
      'a colon, blanks and a no-break space',
      ` AWS_ACCESS_KEY_ID: OLD\n\u00a0AWS_SESSION_TOKEN=OLD\n`,
      id + token + secret + expiration,
    ],
    [
      'names that ours are part of',
      'XAWS_SESSION_TOKEN=OLD\nAWS_SESSION_TOKEN_X=OLD\n#AWS_SESSION_TOKEN=OLD\n',
      `XAWS_SESSION_TOKEN=OLD\nAWS_SESSION_TOKEN_X=OLD\n#AWS_SESSION_TOKEN=OLD\n${all}`,
    ],
    ['quoted values of others on several lines', `A="x\n\ny=\nz" # c\n${old}`, `A="x\n\ny=\nz" # c\n${all}`],
    ['escaped quotes on one line', `A="x \\" y"\n${old}`, `A="x \\" y"\n${all}`],
    ['an apostrophe inside a value', `A=don't\n${old}`, `A=don't\n${all}`],
    ['joined lines of others', `A=b\\\nc\nD=e\\\\\n${old}`, `A=b\\\nc\nD=e\\\\\n${all}`],
    ['a backslash in a value of ours', `AWS_ACCESS_KEY_ID=OLD\\\n`, all],
    ['the token that botocore prefers', 'AWS_SECURITY_TOKEN=OLD\n', `AWS_SECURITY_TOKEN=${TOKEN}\n${all}`],
  ];
  for (const [title, before, after] of cases) {
    test(title, () => {
      const { text, warnings } = render({ sink: dotenvSink(), existing: before });
      assert.equal(text, after);
      assert.deepEqual(warnings, []);
    });
  }

  test('a file that is not there', () => {
    assert.equal(render({ sink: dotenvSink() }).text, all);
  });

  test('keeps export, with a warning', () => {
    const { text, warnings } = render({ sink: dotenvSink(), existing: 'A=b\n  export AWS_SESSION_TOKEN=OLD\n' });
    assert.equal(text, `A=b\nexport ${token}${id}${secret}${expiration}`);
    assert.match(warnings.join(), /^line 2: kept "export"/);
  });

  // Cause: a shell keeps the CR as part of the value.
  test('ends its own lines with LF in a CRLF file, with a warning', () => {
    const { text, warnings } = render({ sink: dotenvSink(), existing: 'A=b\r\nAWS_ACCESS_KEY_ID=OLD\r\nC=d\r\n' });
    assert.equal(text, `A=b\r\n${id}C=d\r\n${secret}${token}${expiration}`);
    assert.match(warnings.join(), /CRLF/);
  });

  test('removes a byte order mark and keeps bytes that are not UTF-8, with warnings', () => {
    const marked = render({ sink: dotenvSink(), existing: '\ufeffA=b\n' });
    assert.equal(marked.text, `A=b\n${all}`);
    assert.match(marked.warnings.join(), /byte order mark/);
    const latin1 = render({ sink: dotenvSink(), existing: Buffer.from('A=\xe9\n', 'latin1') });
    assert.equal(latin1.bytes.toString('latin1'), `A=\xe9\n${all}`);
    assert.match(latin1.warnings.join(), /not UTF-8/);
  });
});

describe('dotenv: options', () => {
  test('only: nothing else stays, not even what would be refused', () => {
    const existing = `\0A="b\n${old}`;
    assert.equal(render({ sink: dotenvSink({ only: true }), existing }).text, all);
    const exported = render({ sink: dotenvSink({ only: true, export: true }), existing });
    assert.equal(exported.text, all.replace(/^/gm, 'export ').slice(0, -'export '.length));
  });

  test('export: new lines have it, older ones stay as they are', () => {
    const { text, warnings } = render({ sink: dotenvSink({ export: true }), existing: id.replace(KEY, 'OLD') });
    assert.equal(text, `${id}export ${secret}export ${token}export ${expiration}`);
    assert.deepEqual(warnings, []);
  });

  test('names, and an expiration that is left out but never left stale', () => {
    const names = { accessKeyId: 'ID', secretAccessKey: 'S3_SECRET', sessionToken: 'TOKEN', expiration: null };
    const written = `ID=${KEY}\nS3_SECRET=${SECRET}\nTOKEN=${TOKEN}\n`;
    assert.equal(render({ sink: dotenvSink({ names }) }).text, written);
    const existing = 'AWS_CREDENTIAL_EXPIRATION=OLD\n';
    assert.equal(render({ sink: dotenvSink({ names }), existing }).text, expiration + written);
    assert.equal(render({ sink: dotenvSink({ names, prefix: 'X_' }), existing }).text, existing + written);
  });
});

describe('dotenv: refusals', () => {
  const cases: readonly (readonly [title: string, existing: string, message: RegExp])[] = [
    ['a variable of ours inside a quoted value', 'A="x\nAWS_SESSION_TOKEN=OLD\ny"\n', /^line 2: /],
    ['one on the line that ends a quoted value', "A='x\nAWS_SESSION_TOKEN=OLD'\n", /^line 2: /],
    ['lines that some readers join to a quoted value', "A=\n'\nb\n'\n", /^line 2: /],
    ['a quoted value on several lines after a colon', 'A: "b\nc"\n', /^line 1: /],
    ['something after a quoted value on several lines', 'A="b\nc" d\n', /^line 1: /],
    ['a quoted value of ours on several lines', 'B=c\nAWS_SESSION_TOKEN="OLD\nOLD"\n', /^line 2: /],
    ['a quoted value without an end', 'A=b\nexport B="OLD\n', /^line 2: /],
    ['an end that readers see in other places', 'A="OLD\\"\nB="\n', /^line 1: /],
    ['a variable of ours that the line above joins', 'A=b\\\nAWS_SESSION_TOKEN=OLD\n', /^line 1: .*backslash/],
    ['a last line that would join the first new one', 'A=b\\\n', /^line 1: .*backslash/],
    ['a CR that only some readers take for a line end', 'A=b\rAWS_SESSION_TOKEN=OLD\n', /^line 1: .*CR/],
    ['a line end that only JavaScript knows', '# c\u2028AWS_SESSION_TOKEN=OLD\n', /^line 1: .*Unicode/],
    ['a NUL byte', 'A=b\n\0\n', /^line 2: .*NUL/],
  ];
  for (const [title, existing, message] of cases) {
    test(title, () => {
      assert.match(refuse({ sink: dotenvSink(), existing }), message);
    });
  }

  test('values that readers do not agree on', () => {
    for (const value of ['a#b', '$a', 'a\\', "a'b", 'a b', '~a', 'a\nB=c', 'é']) {
      const credentials = { ...fresh, sessionToken: new Secret(value) };
      assert.match(refuse({ sink: dotenvSink(), credentials }), /^session token: /);
    }
  });
});
