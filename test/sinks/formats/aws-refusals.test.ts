import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Secret } from '../../../src/core/secret.ts';
import { awsSink, fresh, refuse } from './rendering.ts';

const old = 'aws_access_key_id = OLD\naws_secret_access_key = OLD\naws_session_token = OLD\n';

describe('aws-credentials: refusals', () => {
  const cases: readonly (readonly [title: string, existing: string | Buffer, message: RegExp])[] = [
    ['a line without = or :', '[default]\n\nOLD\n', /^line 3: /],
    ['a line without a key', '[default]\n= OLD\n', /^line 2: /],
    ['keys before any section', 'aws_session_token = OLD\n[default]\n', /^line 1: .*no section$/],
    ['an indented header', '[a]\n  [default]\n', /^line 2: .*indented/],
    ['an indented header as part of a value', '[a]\nb = c\n  [default]\n', /^line 3: .*indented/],
    ['a header without an end', '[default\nx = y\n', /^line 1: /],
    ['a header without a name', '[]\n', /^line 1: /],
    ['a header with something after it', '[a]\n[default] x\n', /^line 2: /],
    ['a header that starts a comment', '[default]\n[OLD #x]\n', /^line 2: /],
    ['role_arn', '[a]\nrole_arn = x\n[default]\nRole_ARN = OLD\n', /^line 4: .* got role_arn$/],
    ['role_arn in a second copy', `[default]\n${old}[default]\nrole_arn = x\n`, /^line 6: /],
    ['sso_session', '[default]\nsso_session = OLD\n', /got sso_session$/],
    ['sso_start_url', '[default]\nsso_start_url : OLD\n', /got sso_start_url$/],
    ['web_identity_token_file', '[default]\nweb_identity_token_file = OLD\n', /got web_identity_token_file$/],
    ['sso_account_id', '[default]\nsso_account_id = 1\n', /got sso_account_id$/],
    ['a name with blanks beside the exact one', `[default ]\n${old}[default]\n`, /^line 1: .*blanks/],
    ['several names with blanks', '[default ]\n[ default]\n', /^line 1: .*blanks/],
    ['keys of ours below another setting', `[default]\nx = y\n  aws_session_token = OLD\n`, /^line 3: .*indented/],
    [
      'keys below a header that JavaScript does not see',
      `[default]\n${old}[a];b\naws_session_token=x\n`,
      /^line 5: .*blank/,
    ],
    ['role_arn below a key of ours', `[default]\n${old}  role_arn = x\n`, /^line 5: .*role_arn/],
    ['a setting below a key of ours that stands already', `[default]\n${old}  r = x\nr = y\n`, /^line 5: /],
    [
      'a setting below two keys of ours',
      '[default]\naws_session_token = OLD\n  n = x\naws_security_token = OLD\n  n = x\n',
      /^line 5: .*a setting of its own or none/,
    ],
    ['settings of several depths below a key of ours', `[default]\n${old}  r = x\n   s = y\n`, /^line 6: /],
    ['text below a setting below a key of ours', `[default]\n${old}  r = x\n  text\n`, /^line 6: /],
    ['a colon below a key of ours', `[default]\n${old}  r: x\n`, /^line 5: /],
    ['more than 16 sections of the profile', '[default]\n'.repeat(17), /^line 17: .*at most 16/],
    ['more than 64 lines of ours', `[default]\n${'aws_session_token=OLD\n'.repeat(65)}`, /^line 66: .*at most 64/],
    ['a NUL byte', '[default]\nOLD\0\n', /^line 2: .*NUL/],
    ['UTF-16', Buffer.from('\ufeff[default]\n', 'utf16le'), /NUL/],
    ['a CR that ends no line', '[default]\n# c\raws_session_token = OLD\n', /^line 2: .*CR/],
    [
      'indentation by a no-break space',
      '[default]\n\u00a0aws_session_token = OLD\n',
      /^line 2: .*indentation.*no-break space/,
    ],
  ];
  for (const [title, existing, message] of cases) {
    test(title, () => {
      assert.match(refuse({ sink: awsSink(), existing }), message);
    });
  }

  test('credentials that some reader would cut or unquote', () => {
    for (const value of ['a b', '"a"', 'a#b', 'a\nb', '']) {
      const credentials = { ...fresh, secretAccessKey: new Secret(value) };
      assert.match(refuse({ sink: awsSink(), credentials }), /^secret access key: /);
    }
  });
});
