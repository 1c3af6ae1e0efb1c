import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { JsonKeys } from '../../../src/core/config.ts';
import { runs } from '../../support/runs.ts';
import { EXPIRATION, jsonSink, KEY, refuse, render, SECRET, TOKEN, tryRender } from './rendering.ts';

const keys: JsonKeys = { access_key_id: ['aws', 'id'], session_token: ['aws', 'token'], expiration: ['until'] };
const sink = jsonSink({ keys });

describe('json keys: what becomes of a file', () => {
  const pretty = `{\n  "aws": {\n    "id": "${KEY}",\n    "token": "${TOKEN}"\n  },\n  "until": "${EXPIRATION}"\n}`;
  const withComments: readonly (readonly [title: string, before: string, after: string])[] = [
    ['a byte order mark', '\ufeff{ }', `\ufeff${pretty}`],
    ['a byte order mark alone', '\ufeff', `\ufeff${pretty}\n`],
    [
      'comments and trailing commas',
      '// a\n{\n  "x": 1, // b\n  "aws": {\n    /* c */ "id": "OLD", // d\n  }, // e\n}\n',
      `// a\n{\n  "x": 1, // b\n  "aws": {\n    /* c */ "id": "${KEY}", "token": "${TOKEN}", // d\n  }, // e\n  "until": "${EXPIRATION}",\n}\n`,
    ],
  ];
  const aws = `"id": "${KEY}", "token": "${TOKEN}"`;
  const cases: readonly (readonly [title: string, before: string, after: string])[] = [
    ['an empty file', '', `${pretty}\n`],
    ['blanks only', ' \n', `${pretty}\n`],
    ['an empty object', '{ }', pretty],
    ['an empty object inside', '{\n  "aws": {}\n}', pretty],
    ['values in place', pretty.replaceAll(/(KEY|TOKEN)/g, 'OLD'), pretty],
    [
      'one line, odd numbers, escapes',
      '{"n": 1.0e+2, "aws": {"id": "OLD", "token": null}, "s": "\\u00e9\\/", "until": 5}',
      `{"n": 1.0e+2, "aws": {${aws}}, "s": "\\u00e9\\/", "until": "${EXPIRATION}"}`,
    ],
    [
      'one line without blanks',
      '{"a":[{}],"b":2}',
      `{"a":[{}],"b":2,"aws":{"id":"${KEY}","token":"${TOKEN}"},"until":"${EXPIRATION}"}`,
    ],
    ['one line with a blank', '{"a": 1, "b": 2}', `{"a": 1, "b": 2, "aws": {${aws}}, "until": "${EXPIRATION}"}`],
    [
      'tabs and CRLF',
      '{\r\n\t"a" : {\r\n\t\t"b" : 1\r\n\t}\r\n}\r\n',
      `{\r\n\t"a" : {\r\n\t\t"b" : 1\r\n\t},\r\n\t"aws" : {\r\n\t\t"id" : "${KEY}",\r\n\t\t"token" : "${TOKEN}"\r\n\t},\r\n\t"until" : "${EXPIRATION}"\r\n}\r\n`,
    ],
    [
      'a missing value inside',
      `{\n    "until": "OLD",\n    "aws": {\n        "id": "OLD"\n    }\n}\n`,
      `{\n    "until": "${EXPIRATION}",\n    "aws": {\n        "id": "${KEY}",\n        "token": "${TOKEN}"\n    }\n}\n`,
    ],
    [
      'keys that are spelled with escapes',
      `{"\\u0061ws": {"id": "OLD", "token": "OLD"}, "until": "OLD"}`,
      `{"\\u0061ws": {${aws}}, "until": "${EXPIRATION}"}`,
    ],
    [
      'equal values in another spelling',
      `{"aws": {"id": "\\u0041${KEY.slice(1)}", "token": "${TOKEN.replace('/', '\\/')}"}, "until": "${EXPIRATION}"}`,
      `{"aws": {"id": "\\u0041${KEY.slice(1)}", "token": "${TOKEN.replace('/', '\\/')}"}, "until": "${EXPIRATION}"}`,
    ],
  ];
  for (const [title, before, after] of [...cases, ...withComments]) {
    test(title, () => {
      const { text, warnings } = render({ sink, existing: before });
      assert.equal(text, after);
      assert.deepEqual(warnings, []);
    });
  }

  test('every copy of a repeated key, with a warning', () => {
    const existing = '{"until": 1,\n"aws": {"id": "OLD", "token": "OLD"},\n"aws": {}, "until": 2}';
    const { text, warnings } = render({ sink: jsonSink({ keys: { access_key_id: ['aws', 'id'] } }), existing });
    assert.equal(text, `{"until": 1,\n"aws": {"id": "${KEY}", "token": "OLD"},\n"aws": {"id": "${KEY}"}, "until": 2}`);
    assert.deepEqual(
      warnings.map((warning) => warning.slice(0, 7)),
      ['line 3:'],
    );
  });

  test('all fields, the expiration as a number where it is one', () => {
    const all: JsonKeys = {
      access_key_id: ['a'],
      secret_access_key: ['b'],
      session_token: ['c'],
      expiration: ['d'],
      expiration_epoch: ['e'],
      expiration_epoch_ms: ['f'],
      region: ['g'],
      account_id: ['h'],
      role: ['i', '__proto__'],
      instance_id: ['j'],
    };
    const origin = { accountId: '111122223333', role: 'app', region: 'eu-west-1', instanceId: 'i-1' };
    const { text } = render({ sink: jsonSink({ keys: all }), origin });
    const seconds = Date.parse(EXPIRATION) / 1000;
    assert.equal(
      text.replaceAll(/\s/g, ''),
      `{"a":"${KEY}","b":"${SECRET}","c":"${TOKEN}","d":"${EXPIRATION}","e":${seconds},"f":${seconds}000,"g":"eu-west-1",` +
        `"h":"111122223333","i":{"__proto__":"app"},"j":"i-1"}`,
    );
  });

  test('a field that is not known is refused: the file would be taken for whole', () => {
    for (const field of ['account_id', 'role', 'region', 'instance_id'] as const) {
      const unknown = jsonSink({ keys: { access_key_id: ['id'], [field]: ['x'] } });
      assert.match(
        refuse({ sink: unknown, existing: '{"x":"OLD"}' }),
        new RegExp(`^${field}: expected it to be known`),
      );
    }
  });
});

describe('json keys: refusals', () => {
  const deep = `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  const cases: readonly (readonly [title: string, existing: string | Buffer, message: RegExp])[] = [
    ['a document that is not an object', '\n["OLD"]', /^line 2: /],
    ['a value on the way that is not an object', '{\n"aws": "OLD"}', /^line 2: .*object/],
    ['an array on the way', '{"aws": [{"id": "OLD"}]}', /^line 1: .*object/],
    ['an object in the place of a value', '{"until":\n{"OLD": 1}}', /^line 2: .*single value/],
    ['something after the document', '{}\nOLD', /^line 2: /],
    ['a control character in a string', '{\n"a": "b\tc"}', /^line 2: .*invalid character/],
    ['two commas', '{"a": 1,\n,}', /^line 2: /],
    ['a comment without an end', '{\n/* OLD }', /^line 2: /],
    ['a false on the way', '{"aws": false}', /^line 1: .*object/],
    ['copies of copies', `{${'"aws":{},'.repeat(18)}"a":1}`, /at most 16 copies/],
    ['an end too early', '{"a": "OLD', /^line 1: /],
    ['bytes that are not UTF-8', Buffer.from('{"a": "\xe9"}', 'latin1'), /UTF-8/],
    ['more levels than readers take', deep, /levels/],
  ];
  for (const [title, existing, message] of cases) {
    test(title, () => {
      assert.match(refuse({ sink, existing }), message);
    });
  }
});

type Json = Record<string, unknown>;

/** A time as a number of seconds or milliseconds stays one. */
function expirationLike(existing: unknown): string | number {
  const length = typeof existing === 'number' ? /^(\d+)(?:\.\d+)?$/.exec(JSON.stringify(existing))?.[1]?.length : 0;
  if (length === 13) return Date.parse(EXPIRATION);
  return length === 10 ? Date.parse(EXPIRATION) / 1000 : EXPIRATION;
}

test('a number that is a time stays one', () => {
  for (const [existing, expected] of [
    ['1000000000', '1795456800'],
    ['1000000000.5', '1795456800'],
    ['1000000000000', '1795456800000'],
    ['999', `"${EXPIRATION}"`],
  ] as const)
    assert.equal(render({ sink, existing: `{"until":${existing}}` }).text.includes(`"until":${expected}`), true);
});

test('other values stay, and new ones come in the layout of the file', () => {
  const name = fc.oneof(fc.constantFrom('aws', 'until', 'id', 'token', '__proto__'), fc.string());
  const document = fc.dictionary(name, fc.oneof(fc.jsonValue(), fc.dictionary(name, fc.jsonValue())));
  const indent = fc.constantFrom('', '  ', '\t');
  let written = 0;
  fc.assert(
    fc.property(document, indent, (value, space) => {
      const existing = JSON.stringify(value, null, space);
      const result = tryRender({ sink, existing });
      if (result === undefined) return;
      written++;
      const before = JSON.parse(existing) as Json;
      const awsBefore = Object.hasOwn(before, 'aws') ? (before['aws'] as Json) : {};
      const after = JSON.parse(result.text) as Json;
      const until = expirationLike(Object.hasOwn(before, 'until') ? before['until'] : undefined);
      assert.deepEqual(after, { ...before, aws: { ...awsBefore, id: KEY, token: TOKEN }, until });
      if (Object.keys(value).length > 0) assert.equal(result.text, JSON.stringify(after, null, space));
    }),
    { numRuns: runs(500) },
  );
  assert.ok(written > 100, `only ${written} files were written`);
});
