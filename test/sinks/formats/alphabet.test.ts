import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Secret } from '../../../src/core/secret.ts';
import { renderSink } from '../../../src/sinks/formats/render.ts';
import { dotenvPackage, jsonParse, node, sdk } from '../../differential/node-readers.ts';
import { dotenv, ini, json } from '../../differential/subjects.ts';
import { fresh } from './rendering.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../../docs/applications.md'), 'utf8');
const OTHERS = ['\u{85}', '\u{a0}', '\u{e9}', '\u{2028}', '\u{feff}', '\u{1f511}', '\ud800'];
const CHARACTERS = [...Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)), ...OTHERS];

const FORMATS = {
  'aws-credentials': {
    sink: ini.sink,
    alphabet: /^[A-Za-z0-9+/=_.:@,-]$/,
    readers: [sdk],
    place: 'default.aws_session_token',
  },
  dotenv: {
    sink: dotenv.sink,
    alphabet: /^[A-Za-z0-9+/=_.:@,-]$/,
    readers: [dotenvPackage, node],
    place: 'AWS_SESSION_TOKEN',
  },
  json: { sink: json.sink, alphabet: /^[^\p{Cc}\ud800]$/u, readers: [jsonParse], place: 'aws.token' },
} as const;

describe('a value with a character beyond its format', () => {
  for (const [format, { sink, alphabet, readers, place }] of Object.entries(FORMATS)) {
    test(`${format}: is refused with a hint, and all others are read as they are`, async () => {
      for (const character of CHARACTERS) {
        const token = `a${character}b`;
        const made = renderSink(undefined, { ...fresh, sessionToken: new Secret(token) }, sink, {});
        assert.equal(made.ok, alphabet.test(character), JSON.stringify(character));
        if (!made.ok) {
          assert.equal(made.error.code, 'SINK_FORMAT_REFUSED');
          assert.ok(made.error.hint);
          assert.ok(!JSON.stringify(made.error).includes(token));
          continue;
        }
        for (const reader of readers) {
          const [seen] = await reader.read([made.bytes.toString()]);
          assert.equal(seen?.[place], format === 'json' ? JSON.stringify(token) : token, reader.name);
        }
      }
      assert.ok(PAGE.includes(`| \`${format}\` `), 'the page says its alphabet');
    });
  }
});
