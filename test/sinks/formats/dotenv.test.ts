import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Secret } from '../../../src/core/secret.ts';
import { dotenvSink, EXPIRATION, fresh, KEY, refuse, render, SECRET, TOKEN } from './rendering.ts';

const id = `AWS_ACCESS_KEY_ID=${KEY}\n`;
const secret = `AWS_SECRET_ACCESS_KEY=${SECRET}\n`;
const token = `AWS_SESSION_TOKEN=${TOKEN}\n`;
const expiration = `AWS_CREDENTIAL_EXPIRATION=${EXPIRATION}\n`;
const all = id + secret + token + expiration;
const exported = (lines: string): string => lines.replace(/^(?=.)/gm, 'export ');
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
    [
      'the expirations that others make',
      `${all}AWS_SESSION_EXPIRATION=1764000000\nAWS_CREDENTIALS_EXPIRATION=\nAWS_EXPIRATION=3600\n`,
      `${all}AWS_SESSION_EXPIRATION=${Date.parse(EXPIRATION) / 1000}\nAWS_CREDENTIALS_EXPIRATION=${EXPIRATION}\nAWS_EXPIRATION=3600\n`,
    ],
    ['others below ours', `${id}A=b\n`, `${all}A=b\n`],
    ['a comment behind a value', `${id.trimEnd()}  # c\n`, all],
    ['several on one line', `AWS_ACCESS_KEY_ID=OLD AWS_SECRET_ACCESS_KEY='OLD'\n`, all],
    ['a semicolon', `AWS_ACCESS_KEY_ID=OLD;AWS_SECRET_ACCESS_KEY="OLD";\n`, all],
    ['lines that Node 20 takes for a part of the next name', 'A=b\n  \n[x]\n', `A=b\n${all}  \n[x]\n`],
    ['such lines at the beginning', 'word\n  # c\n', `${all}word\n  # c\n`],
    ['such lines before others', 'word\nA=b\n', `word\nA=b\n${all}`],
    ['a quoted value with a blank line before them', 'A="x\n\ny"\nword\n', `A="x\n\ny"\n${all}word\n`],
    ['a last line that would join the first new one', 'A=b\nC=d\\\n', `A=b\n${all}C=d\\\n`],
    ['blanks for a value at the end', 'A=b\nC=  \n', `A=b\n${all}C=  \n`],
    ['set -a', `set -a\nA=b\nset +a\n`, `set -a\nA=b\n${all}set +a\n`],
    ['set -a around ours', `set -a\n${id}set +a\nA=b\n`, `set -a\n${all}set +a\nA=b\n`],
    ['set -o allexport', `set -o allexport\n`, `set -o allexport\n${all}`],
    ['an end before the end', `A=b\nreturn 0\n`, `A=b\n${all}return 0\n`],
    ['an end before the end, below ours', `${id}exit 0\n`, `${all}exit 0\n`],
    ['a block of a shell', `if :; then\n  A=b\nfi\n. /etc/x\n`, `if :; then\n  A=b\nfi\n. /etc/x\n${all}`],
    ['a block on one line', `for a in b; do :; done\n`, `for a in b; do :; done\n${all}`],
    ['exported others', 'export A=b\n', `export A=b\n${exported(all)}`],
    [
      'uses of ours',
      'B="$AWS_ACCESS_KEY_ID"\necho ${AWS_SESSION_TOKEN:=x}\n',
      `B="$AWS_ACCESS_KEY_ID"\n${all}echo \${AWS_SESSION_TOKEN:=x}\n`,
    ],
    ['the token that botocore prefers', 'AWS_SECURITY_TOKEN=OLD\n', `AWS_SECURITY_TOKEN=${TOKEN}\n${all}`],
  ];
  for (const [title, before, after] of cases) {
    test(title, () => {
      const { text, warnings } = render({ sink: dotenvSink(), existing: before });
      assert.equal(text, after);
      assert.deepEqual(warnings, []);
    });
  }

  test('blanks without end, in which a pattern that looks twice would not end either', () => {
    const blanks = ' '.repeat(1_000_000);
    assert.match(refuse({ sink: dotenvSink(), existing: `AWS_SESSION_TOKEN: a${blanks}b\n` }), /^line 1: /);
    const existing = `export A${blanks}!\n`;
    assert.ok(render({ sink: dotenvSink(), existing }).text.endsWith(existing));
  });

  test('a file that is not there', () => {
    assert.equal(render({ sink: dotenvSink() }).text, all);
  });

  test('keeps export, with a warning', () => {
    const { text, warnings } = render({ sink: dotenvSink(), existing: 'A=b\n  export AWS_SESSION_TOKEN=OLD\n' });
    assert.equal(text, `A=b\n${exported(token + id + secret + expiration)}`);
    assert.match(warnings.join(), /^line 2: kept "export"/);
  });

  // Cause: a shell keeps the CR as part of the value.
  test('ends its own lines with LF in a CRLF file, with a warning', () => {
    const { text, warnings } = render({ sink: dotenvSink(), existing: 'A=b\r\nAWS_ACCESS_KEY_ID=OLD\r\nC=d\r\n' });
    assert.equal(text, `A=b\r\n${all}C=d\r\n`);
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
    [
      'blanks for a value, for which Node takes the next line',
      'A=  \nAWS_SESSION_TOKEN=OLD\n',
      /^line 1: .*blanks behind =/,
    ],
    ['a CR that only some readers take for a line end', 'A=b\rAWS_SESSION_TOKEN=OLD\n', /^line 1: .*CR/],
    ['a line end that only JavaScript knows', '# c\u2028AWS_SESSION_TOKEN=OLD\n', /^line 1: .*Unicode/],
    ['another variable on a line of ours', 'export AWS_ACCESS_KEY_ID=OLD A=b\n', /^line 1: .*nothing but/],
    ['another variable behind a semicolon', 'A=b\nAWS_ACCESS_KEY_ID=OLD; export A=b\n', /^line 2: .*nothing but/],
    ['a command behind &&', 'AWS_ACCESS_KEY_ID=OLD && true\n', /^line 1: .*nothing but/],
    ['a command with ours in its environment', 'AWS_ACCESS_KEY_ID=OLD aws s3 ls\n', /^line 1: .*nothing but/],
    ['a value that is an assignment of ours', 'AWS_SESSION_TOKEN= AWS_ACCESS_KEY_ID=OLD\n', /^line 1: .*nothing but/],
    ['a value of several words', 'AWS_ACCESS_KEY_ID=OLD OLD\n', /^line 1: .*one word/],
    ['a value that a command makes', 'AWS_ACCESS_KEY_ID=$(cat x)\n', /^line 1: /],
    ['text behind quotes', "AWS_ACCESS_KEY_ID='OLD'x\n", /^line 1: /],
    ['one of ours behind another variable', 'A=b AWS_SESSION_TOKEN=OLD\n', /^line 1: .*command/],
    ['one of ours in a command', 'set -a; AWS_SESSION_TOKEN=OLD\n', /^line 1: .*command/],
    ['declare', 'declare -x AWS_SESSION_TOKEN=OLD\n', /^line 1: .*command/],
    ['unset', 'unset A AWS_SESSION_TOKEN\n', /^line 1: .*command/],
    ['export -n', 'export -n AWS_SESSION_TOKEN\n', /^line 1: .*command/],
    ['setenv', 'setenv AWS_SESSION_TOKEN OLD\n', /^line 1: .*command/],
    ['one inside a block', 'if false; then\n  AWS_SESSION_TOKEN=OLD\nfi\n', /^line 2: .*block/],
    ['one inside a function', 'f() {\n  AWS_SESSION_TOKEN=OLD\n}\n', /^line 2: .*block/],
    ['one below the end', 'return 0\nAWS_SESSION_TOKEN=OLD\n', /^line 2: .*return/],
    ['one that may be the text of a document', 'cat <<E\nAWS_SESSION_TOKEN=OLD\nE\n', /^line 2: .*<</],
    ['one below a condition', 'true &&\nAWS_SESSION_TOKEN=OLD\n', /^line 1: .*&&/],
    ['more than 64 lines of ours', 'AWS_SESSION_TOKEN=OLD\n'.repeat(65), /^line 65: .*at most 64/],
    ['more than 65536 lines of commands', '(\n'.repeat(65_537), /^line 65537: .*at most 65536/],
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
