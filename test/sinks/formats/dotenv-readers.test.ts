import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseEnv } from 'node:util';
import dotenv from 'dotenv';
import fc from 'fast-check';
import { runs } from '../../support/runs.ts';
import { tempDir } from '../../support/temp-dir.ts';
import { dotenvSink, EXPIRATION, KEY, SECRET, TOKEN, tryRender } from './rendering.ts';

const names = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_CREDENTIAL_EXPIRATION'];
const expected = [KEY, SECRET, TOKEN, EXPIRATION];

const line = fc.oneof(
  fc.constantFrom(
    ...[
      'A=b',
      'B="c d"',
      "C='d\\'",
      'D="',
      '"',
      "'",
      'E=',
      'F: "g',
      '# h',
      '# i\\',
      'export J=k',
      '',
      ' ',
      'l',
      'M=n\\',
    ],
    ...['O="p" # q', "R='s' 't", 'U=`', '`', 'V="w\\"', '"x" y', 'z"', '\u2028', '\u00a0', "\tAA='"],
  ),
  fc
    .tuple(fc.constantFrom('', 'export ', ' ', '\u00a0', '# ', 'X'), fc.constantFrom(...names))
    .chain(([lead, name]) =>
      fc
        .constantFrom('=OLD', ' = OLD', '="OLD"', "='OLD", ': OLD', '="', '=`', '=OLD\\')
        .map((tail) => lead + name + tail),
    ),
);
const file = fc
  .array(fc.tuple(line, fc.constantFrom('\n', '\n', '\r\n')), { maxLength: 9 })
  .map((lines) => lines.map((parts) => parts.join('')).join(''));

test('npm dotenv and Node read the new credentials from whatever was written', () => {
  let read = 0;
  fc.assert(
    fc.property(file, (existing) => {
      const written = tryRender({ sink: dotenvSink(), existing });
      if (written === undefined) return;
      read++;
      for (const variables of [dotenv.parse(written.bytes), parseEnv(written.text)]) {
        assert.deepEqual(
          names.map((name) => variables[name]),
          expected,
        );
      }
    }),
    { numRuns: runs(1000) },
  );
  assert.ok(read > 100, `only ${read} files were written`);
});

test('all else keeps its bytes', () => {
  const isOurs = /^\s*(export\s+)?AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|CREDENTIAL_EXPIRATION)(\s*=|:\s)/;
  const othersOf = (text: string): string =>
    text
      .split(/(?<=\n)/)
      .filter((part) => !isOurs.test(part))
      .join('');
  fc.assert(
    fc.property(file, (existing) => {
      const written = tryRender({ sink: dotenvSink(), existing });
      if (written !== undefined) assert.equal(othersOf(written.text), othersOf(existing));
    }),
    { numRuns: runs(1000) },
  );
});

test('a shell reads the new credentials, beside lines that are its own and in a CRLF file too', (t) => {
  const path = join(tempDir(t), 'aws.env');
  const print = `. "$0"; printf '%s\\n' ${names.map((name) => `"$${name}"`).join(' ')}`;
  for (const existing of [
    '',
    "A='b'\\''c'\nAWS_SESSION_TOKEN=OLD\nif :; then D=\"e\nf\"; fi\n",
    'A=b\r\nAWS_ACCESS_KEY_ID=OLD\r\n',
  ]) {
    const written = tryRender({ sink: dotenvSink(), existing });
    writeFileSync(path, written?.bytes ?? assert.fail('refused'));
    assert.deepEqual(
      execFileSync('sh', ['-c', print, path], { encoding: 'utf8', env: {} }).trimEnd().split('\n'),
      expected,
    );
  }
});

test('node --env-file reads the new credentials', (t) => {
  const path = join(tempDir(t), 'aws.env');
  writeFileSync(path, tryRender({ sink: dotenvSink(), existing: 'A="b\nc"\n' })?.bytes ?? assert.fail('refused'));
  const print = `console.log(JSON.stringify(${JSON.stringify(names)}.map((name) => process.env[name])))`;
  const output = execFileSync(process.execPath, [`--env-file=${path}`, '-e', print], { encoding: 'utf8', env: {} });
  assert.deepEqual(JSON.parse(output), expected);
});
