import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SinkConfig } from '../../../src/core/config.ts';
import { forgetSink } from '../../../src/sinks/formats/render.ts';
import { credentials } from '../../support/credentials.ts';
import { forget, keysSink } from './forgetting.ts';
import { awsSink, dotenvSink, jsonSink, KEY, render, SECRET, TOKEN } from './rendering.ts';

/** Writes our keys into a file, and forgets them. */
function thereAndBack(sink: SinkConfig, existing?: string): string | undefined {
  const { bytes } = render(existing === undefined ? { sink } : { sink, existing });
  const { text, keyIds } = forget(sink, bytes);
  assert.deepEqual(keyIds, [KEY]);
  return text;
}

const aws = awsSink();
const env = dotenvSink();
const everything = awsSink({ securityToken: 'always', accountId: true, expirationKey: 'X_Until' });
const unusual = dotenvSink({
  prefix: 'MY_',
  names: { accessKeyId: 'A', secretAccessKey: 'B', sessionToken: 'C', expiration: null },
  export: true,
});

describe('forgetting leaves a file as it was before us', () => {
  const cases: readonly (readonly [what: string, sink: SinkConfig, before: string])[] = [
    ['aws-credentials: beside another profile', aws, '[other]\nregion = x\n'],
    ['aws-credentials: CRLF', aws, '[other]\r\nregion = x\r\n'],
    ['aws-credentials: comments alone', aws, '# mine\n'],
    ['aws-credentials: a profile with other keys', aws, '# c\n[default]\nregion = x\n  y\n\n[other]\n'],
    ['aws-credentials: a profile with a comment', aws, '[default]\n# c\n'],
    ['aws-credentials: all options', everything, '[other]\naws_account_id = 1\n'],
    ['dotenv: beside other variables', env, 'PORT=80\n# c\nNAME="a\nb"\n'],
    ['dotenv: CRLF', env, 'PORT=80\r\n'],
    ['dotenv: other names', unusual, 'export AWS_ACCESS_KEY_ID=x\n'],
    ['json: keys in an object of others', keysSink, '{\n  "aws": {\n    "region": "x"\n  },\n  "n": [1, 2]\n}\n'],
    ['json: keys in one line', keysSink, '{"a": 1}'],
    ['json: new objects', keysSink, '{"a": {"aws": 1}}\n'],
  ];
  for (const [what, sink, before] of cases) {
    test(what, () => {
      assert.equal(thereAndBack(sink, before), before);
    });
  }

  for (const [what, sink] of [
    ['aws-credentials', aws],
    ['dotenv', env],
    ['dotenv, the whole file', dotenvSink({ only: true })],
    ['json keys', keysSink],
    ...(['imds', 'process', 'container', 'superset'] as const).map((shape) => [shape, jsonSink({ shape })] as const),
  ] as const) {
    test(`${what}: a file that we made goes`, () => {
      assert.equal(thereAndBack(sink), undefined);
      assert.equal(thereAndBack(sink, ''), undefined);
    });
  }
});

describe('forgetting takes away', () => {
  const ours = `aws_access_key_id = ${KEY}\naws_secret_access_key = ${SECRET}\naws_session_token = ${TOKEN}\n`;
  const cases: readonly (readonly [what: string, sink: SinkConfig, before: string, after: string])[] = [
    ['a profile between others', aws, `[a]\n\n[default]\n${ours}\n[b]\n`, '[a]\n\n[b]\n'],
    ['a blank line before the last profile, ours or not', aws, `[b]\n\n\n[default]\n${ours}`, '[b]\n\n'],
    ['a profile at the beginning', aws, `[default]\n${ours}[b]\n`, '[b]\n'],
    ['every copy of it', aws, `[default]\n${ours}[b]\n[default]\n${ours}x = y\n`, '[b]\n[default]\nx = y\n'],
    [
      'not what others call by a name with blanks',
      aws,
      `[default]\n${ours}[ default ]\n${ours}`,
      `[ default ]\n${ours}`,
    ],
    ['not a setting below our values', aws, `[default]\n${ours}  r = 1\n[b]\n`, '[default]\nr = 1\n[b]\n'],
    ['what continues our values', aws, `[default]\n${ours}  more\n[b]\n`, '[b]\n'],
    ['keys that others made and we kept true', aws, `[default]\n${ours}expiry_time = 1764000000\n[b]\n`, '[b]\n'],
    [
      'keys beside another way, which we refuse to write',
      aws,
      `[default]\n${ours}role_arn = x\n`,
      '[default]\nrole_arn = x\n',
    ],
    [
      'not the account id of the user',
      aws,
      `[default]\n${ours}aws_account_id = 1\n`,
      '[default]\naws_account_id = 1\n',
    ],
    ['not a header that has a comment', aws, `[default] # c\n${ours}`, '[default] # c\n'],
    ['a variable that is set twice', env, `AWS_SESSION_TOKEN=1\nA=1\nexport AWS_SESSION_TOKEN=2\n`, 'A=1\n'],
    [
      'variables that others made and we kept true',
      env,
      `AWS_SECURITY_TOKEN=1\nAWS_SESSION_EXPIRATION=\nA=1\n`,
      'A=1\n',
    ],
    ['several variables on a line', env, `export AWS_ACCESS_KEY_ID=1 AWS_SESSION_TOKEN=2\nA=1\n`, 'A=1\n'],
    ['the first member', keysSink, '{ "until": 1, "a": 2 }', '{ "a": 2 }'],
    ['members in the middle', keysSink, '{"a": 1, "until": 1, "until": 2, "b": 2}', '{"a": 1, "b": 2}'],
    ['the first members and the last', keysSink, '{"until": 1, "aws": {"id": ""}, "b": 2, "until": 3}', '{"b": 2}'],
    ['not a list in the place of a value', keysSink, '{"until": [1], "aws": {"id": ""}}', '{"until": [1]}'],
    [
      'members with comments',
      keysSink,
      '{\n  // a\n  "until": 1, // b\n  "b": 2 // c\n}',
      '{\n  // a\n   // b\n  "b": 2 // c\n}',
    ],
    ['the last member below a comment', keysSink, '{\n  "b": 2, // c\n  "until": 1\n}', '{\n  "b": 2 // c\n\n}'],
    ['all members but comments', keysSink, '{ // a\n  "until": 1\n}', '{ // a\n  \n}'],
    ['a member before a trailing comma', keysSink, '{"a": 1, "until": 1,}', '{"a": 1,}'],
    [
      'an expiration beside our keys',
      keysSink,
      '{"aws": {"id": "", "Expiration": 1764000000, "r": 1}}',
      '{"aws": {"r": 1}}',
    ],
    ['not a duration', keysSink, '{"aws": {"id": "", "expiration": "1h"}}', '{"aws": {"expiration": "1h"}}'],
    ['not an empty object of the user', keysSink, '{"aws": {}, "until": 1}', '{"aws": {}}'],
  ];
  for (const [what, sink, before, after] of cases) {
    test(what, () => {
      assert.equal(forget(sink, before).text, after);
    });
  }

  test('nothing where nothing of ours is', () => {
    for (const [sink, text] of [
      [aws, ' \n[default]\n[other]\naws_access_key_id = AKIA\n'],
      [aws, ''],
      [env, 'NOT_AWS_ACCESS_KEY_ID=AKIA\n'],
      [dotenvSink({ only: true }), '\n'],
      [keysSink, '{}'],
      [jsonSink({ shape: 'imds' }), ' '],
    ] as const) {
      assert.deepEqual(forget(sink, text), { text, keyIds: [] });
    }
  });

  test('what it cannot take apart it refuses', () => {
    for (const [sink, text] of [
      [aws, '[default]\nnonsense\n'],
      [env, 'A="\nAWS_ACCESS_KEY_ID=1'],
      [keysSink, '{"until": 1,,}'],
      [env, 'AWS_ACCESS_KEY_ID=1; A=1\n'],
      [jsonSink({ shape: 'imds' }), 'nonsense'],
    ] as const) {
      const forgotten = forgetSink(Buffer.from(text), sink);
      assert.ok(!forgotten.ok && forgotten.error.code === 'SINK_FORMAT_REFUSED', text);
    }
  });

  test('it tells whose keys stand there', () => {
    assert.deepEqual(forget(aws, '[default]\nAWS_ACCESS_KEY_ID : AKIA1\n[default]\naws_access_key_id=AKIA2').keyIds, [
      'AKIA1',
      'AKIA2',
    ]);
    assert.deepEqual(forget(env, 'export AWS_ACCESS_KEY_ID = AKIA1 \r\n').keyIds, ['AKIA1']);
    assert.deepEqual(forget(jsonSink({ shape: 'imds' }), '{"AccessKeyId": "AKIA1"}').keyIds, ['AKIA1']);
    assert.deepEqual(forget(jsonSink({ shape: 'imds' }), '{"a": 1}').keyIds, []);
    assert.deepEqual(forget(keysSink, '{"aws": {"id": "AKIA1", "id": 2}, "aws": 3}').keyIds, ['AKIA1']);
  });
});

test('the first line of a file that we made is taken for nothing', () => {
  for (const sink of [
    awsSink({ comment: true }),
    dotenvSink({ comment: true }),
    dotenvSink({ comment: true, only: true }),
  ]) {
    assert.equal(thereAndBack(sink), undefined);
    if (sink.format === 'dotenv' && sink.only) continue;
    const { text } = render({ sink });
    assert.match(forget(sink, `${text}[b]\n`).text ?? '', /^\n?\[b\]\n$/);
  }
});

test('bytes that are no UTF-8 stay as they are', () => {
  const existing = Buffer.from('[other]\nname = \xe9\n', 'latin1');
  assert.equal(forget(aws, render({ sink: aws, existing }).bytes).text, existing.toString('latin1'));
});

test('what was written with other credentials is forgotten too', () => {
  const { bytes } = render({ sink: aws, credentials: credentials('old'), existing: '[other]\n' });
  assert.equal(forget(aws, bytes).text, '[other]\n');
});
