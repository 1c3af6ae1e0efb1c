import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { externalDataInterceptor, loadSharedConfigFiles } from '@smithy/shared-ini-file-loader';
import fc from 'fast-check';
import { runs } from '../../support/runs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { awsSink, KEY, SECRET, TOKEN, tryRender } from './rendering.ts';
import type { Written } from './rendering.ts';

const foreign = [
  ...[
    '[other]',
    '[other] # c',
    '[a];b',
    '[DEFAULT]',
    '[profile default]',
    '# c',
    ';d',
    'region = x',
    'a:b = c',
    's3 =',
  ],
  ...['', '\f', 'é = ü', 'k = v ; w', 'credential_process = x'],
];
const indented = [
  '  nested = x',
  '  x',
  '\tx',
  '  ',
  '  # c',
  '  aws_session_token = OLD',
  '    aws_access_key_id = OLD',
];
const ours = [
  ...['aws_access_key_id = OLD', 'AWS_SESSION_TOKEN : OLD', 'aws_secret_access_key=OLD', 'aws_session_token ='],
  ...['aws_security_token = OLD', 'aws_session_token\u00a0= OLD', 'x_security_token_expires = OLD'],
];

/** Begins with a header, or nearly every file would be refused for keys in no section. */
function fileOf(...groups: readonly (readonly string[])[]): fc.Arbitrary<string> {
  const line = fc.oneof(...groups.map((lines) => fc.constantFrom(...lines)), fc.constant('[default]'));
  return fc
    .tuple(fc.array(fc.tuple(line, fc.constantFrom('\n', '\n', '\n', '\r\n')), { maxLength: 14 }), fc.boolean())
    .map(([lines, cut]) =>
      lines
        .map((parts) => parts.join(''))
        .join('')
        .slice(0, cut ? -1 : undefined),
    )
    .filter((text) => !text.endsWith('\r'))
    .map((text) => `[first]\n${text}`);
}
const file = fileOf(foreign, ours, [...indented, '[ default ]', '[default] # c']);

const expected = { id: KEY, secret: SECRET, token: TOKEN };

test('the JavaScript SDK reads the new credentials from whatever was written', async () => {
  let read = 0;
  await fc.assert(
    fc.asyncProperty(file, async (existing) => {
      const written = tryRender({ sink: awsSink(), existing });
      if (written === undefined || isWarned(written, /JavaScript|is indented|miss the section/)) return;
      read++;
      assert.deepEqual(await readWithSdk(written.text), expected);
    }),
    { numRuns: runs(500) },
  );
  assert.ok(read > 50, `only ${read} files were written`);
});

test('all else keeps its bytes', () => {
  let compared = 0;
  fc.assert(
    fc.property(fileOf(foreign, ours), (existing) => {
      const written = tryRender({ sink: awsSink(), existing });
      if (written === undefined) return;
      compared++;
      const before = othersOf(existing);
      const after = othersOf(written.text);
      assert.equal(after.slice(0, before.length), before);
      assert.match(after.slice(before.length), /^(\r?\n){0,2}(\[default\]\r?\n)?$/);
    }),
    { numRuns: runs(500) },
  );
  assert.ok(compared > 50, `only ${compared} files were written`);
});

/** Without the lines that are ours in our section. */
function othersOf(text: string): string {
  let isOurSection = false;
  return text
    .split(/(?<=\n)/)
    .filter((line) => {
      if (line.startsWith('[')) isOurSection = line.startsWith('[default]');
      return !(isOurSection && /^(aws_|x_)/i.test(line));
    })
    .join('');
}

const python = `
import json, sys
try:
    from botocore.configloader import raw_config_parse
except ImportError:
    raw_config_parse = None
import configparser
def read(path):
    try:
        if raw_config_parse: return raw_config_parse(path)["default"]
        parser = configparser.RawConfigParser()
        parser.read([path])
        return dict(parser["default"])
    except Exception as error:
        return {"error": type(error).__name__}
path, results = sys.argv[1], []
for text in json.load(sys.stdin):
    with open(path, "w", newline="") as file: file.write(text)
    keys = read(path)
    results.append({"id": keys.get("aws_access_key_id"), "secret": keys.get("aws_secret_access_key"),
        "token": keys.get("aws_security_token", keys.get("aws_session_token")), "error": keys.get("error")})
json.dump({"reader": "botocore" if raw_config_parse else "configparser", "results": results}, sys.stdout)
`;

test('botocore, or the parser that it uses, reads the new credentials where no warning says otherwise', (t) => {
  const written = fc
    .sample(file, 1500)
    .flatMap((existing) => tryRender({ sink: awsSink(), existing }) ?? [])
    .filter((result) => !isWarned(result, /Python readers reject/));
  const { error, stdout, stderr } = spawnSync('python3', ['-c', python, join(tempDir(t), 'credentials')], {
    input: JSON.stringify(written.map(({ text }) => text)),
    encoding: 'utf8',
    env: { ...process.env, PYTHONUTF8: '1' },
    maxBuffer: 1 << 26,
  });
  if (error !== undefined) {
    t.skip('needs python3: the credentials file is not read back by botocore');
    return;
  }
  // What the program above prints.
  const { reader, results } = JSON.parse(stdout || assert.fail(stderr)) as { reader: string; results: unknown[] };
  t.diagnostic(`read by ${reader}`);
  assert.ok(written.length > 50, `only ${written.length} files were written`);
  for (const [index, { text }] of written.entries()) {
    assert.deepEqual(results[index], { ...expected, error: null }, JSON.stringify(text));
  }
});

async function readWithSdk(text: string): Promise<Record<string, unknown>> {
  externalDataInterceptor.interceptFile('/credentials', text);
  externalDataInterceptor.interceptFile('/config', '');
  const { credentialsFile } = await loadSharedConfigFiles({ filepath: '/credentials', configFilepath: '/config' });
  const profile = credentialsFile['default'];
  return {
    id: profile?.['aws_access_key_id'],
    secret: profile?.['aws_secret_access_key'],
    token: profile?.['aws_session_token'],
  };
}

function isWarned({ warnings }: Written, pattern: RegExp): boolean {
  return warnings.some((warning) => pattern.test(warning));
}
