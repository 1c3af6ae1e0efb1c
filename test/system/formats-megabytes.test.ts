import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SinkConfig } from '../../src/core/config.ts';
import { awsSink, dotenvSink, jsonSink, render, tryRender } from '../sinks/formats/rendering.ts';

const keys = { access_key_id: ['a', 'id'], secret_access_key: ['a', 'key'], session_token: ['token'] };
const sinks: readonly SinkConfig[] = [awsSink(), dotenvSink(), jsonSink({ keys }), jsonSink({ shape: 'superset' })];

// Cause: a user's file that takes long holds up the other sinks of its identity. What is not linear never ends here.
describe('files of megabytes', () => {
  const size = 1_000_000;
  const fill = (unit: string): string => unit.repeat(size / unit.length);
  const large: readonly (readonly [title: string, existing: string])[] = [
    ['blank lines', fill('\n')],
    ['one long line of blanks', fill(' ')],
    ['one long comment', `#${fill(' \t')}`],
    ['one long key', `[a]\n${fill('a')} = b`],
    ['blanks before =', `[a]\nb${fill(' ')}= c`],
    ['backslashes', `A=${fill('\\')}x`],
    ['quotes', `A='${fill("\\'")}'`],
    ['sections', fill('[a]\nb = c\n')],
    ['our keys', `[default]\n${fill('aws_session_token = x\nAWS_SESSION_TOKEN=x\n')}`],
    ['continuation lines', `[default]\naws_session_token =\n${fill(' x\n')}`],
    ['comments to be moved', `[default]\naws_session_token = x\n${fill('  # x\n')}`],
    ['assignments', fill('A=b\n')],
    ['our assignments', fill('AWS_SESSION_TOKEN=x\n')],
    ['members', `{"x":1${fill(',"a":{}')}}`],
    ['repeated places', `{"x":1${fill(',"a":{"id":1,"id":2}')}}`],
    ['elements', `{"x":[1${fill(',1')}]}`],
    ['digits', `{"x":${fill('1')}}`],
    ['escapes', `{"x":"${fill('\\n')}"}`],
    ['brackets without an end', fill('[')],
    ['a string without an end', `{"${fill('a')}`],
  ];
  for (const [title, existing] of large) {
    test(title, () => {
      for (const sink of sinks) tryRender({ sink, existing });
    });
  }

  test('ten megabytes', () => {
    assert.ok(render({ sink: awsSink(), existing: fill('# a comment of forty characters, or so, \n').repeat(10) }));
  });
});
