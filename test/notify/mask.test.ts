import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { mask, READ } from '../../src/core/mask.ts';
import { Secret } from '../../src/core/secret.ts';

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const TOKEN = `IQoJb3JpZ2luX2VjE${'Abc/9+x'.repeat(60)}==`;
const secrets = [new Secret(SECRET), new Secret(TOKEN)];
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('of an output is masked', () => {
  for (const [what, output] of [
    ['a secret', `key is ${SECRET}, done`],
    ['the end of one', `key is ${SECRET.slice(-12)}, done`],
    ['base64 of one', `key is ${base64(SECRET)}, done`],
    ['base64 of one behind a name', `key is ${base64(`me:${SECRET}`)}, done`],
    ['base64 of one behind another name', `key is ${base64(`you:${SECRET}!`)}, done`],
    ['base64 for URLs', `key is ${Buffer.from(SECRET).toString('base64url')}, done`],
    ['one in a URL', `key is ${encodeURIComponent(SECRET)}, done`],
    ['one in a URL, in small letters', `key is ${SECRET.replace('/', '%2f').replace('+', '%2b')}, done`],
    ['one in JSON of PHP', `key is ${SECRET.replace('/', '\\/')}, done`],
    ['a token', `key is ${TOKEN}, done`],
    ['base64 of a token in lines', `key is\n${base64(TOKEN).replaceAll(/.{76}/g, '$&\n')}\n, done`],
    ['a key id that nobody knows', `key is ASIAQWERTYUIOPASDFGH, done`],
    ['a secret that nobody knows', `key is 7MDENGbPxRfiCYEXAMwJalrXUtnFEMIKPLEKEYAA, done`],
    ['what is called a secret', `key is\naws_secret_access_key = hunter22, done`],
    ['what is called a token in JSON', `key is {"Token": "short1", done`],
    ['a header', `key is Authorization: Bearer abcdef, done`],
  ] as const) {
    test(what, () => {
      const masked = mask(output, secrets);
      assert.match(masked, /\[secret\]/);
      assert.match(masked, /^key is/);
      assert.match(masked, /, done$/);
      for (const word of masked.match(/[A-Za-z0-9+/%]{6,}/g) ?? [])
        assert.ok(
          ['access', 'Authorization', 'Bearer', 'secret'].some((known) => known.includes(word)),
          word,
        );
    });
  }
});

test('what a program says of itself is left', () => {
  const text = [
    'Traceback (most recent call last):',
    '  File "/usr/lib/python3/dist-packages/certifi/core.py", line 12, in <module>',
    "ModuleNotFoundError: No module named 'requests'; see https://example.com/docs/how-to_install?page=2",
    'rsync: [sender] link_stat "/srv/backup/2026-11-30T14:00:00" failed: No such file or directory (2)',
  ].join('\n');
  assert.equal(mask(text, secrets), text);
});

test('of a long output the end is left, without the word that was cut', () => {
  const cut = `${SECRET.slice(-7)} ${'a b\n'.repeat(READ / 4)}`.slice(0, READ);
  const masked = mask(cut, secrets);
  assert.equal(masked.length, 4096);
  assert.ok(!masked.includes(SECRET.slice(-7)));
  assert.equal(mask('x'.repeat(READ), secrets), '', 'nothing is known of one word');
});
