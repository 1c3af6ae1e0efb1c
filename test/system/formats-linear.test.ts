import { stepsOf } from './formats-steps.ts'; // first: it counts what is loaded after it
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SinkConfig } from '../../src/core/config.ts';
import { forgetSink, renderSink } from '../../src/sinks/formats/render.ts';
import { awsSink, dotenvSink, fresh, jsonSink } from '../sinks/formats/rendering.ts';

const aws = awsSink({ expirationKey: 'expiration' });
const dotenv = dotenvSink();
const json = jsonSink({
  keys: { access_key_id: ['aws', 'id'], session_token: ['aws', 'token'], expiration: ['until'] },
});

/** Bytes that a user may put where we write, made of one piece again and again. */
const hostile: readonly (readonly [title: string, sink: SinkConfig, head: string, piece: string, tail: string])[] = [
  ['blank lines', aws, '', '\n', ''],
  ['blanks', aws, '', ' \t', ''],
  ['byte order marks', aws, '', '\ufeff', ''],
  ['sections of ours', aws, '', '[default]\n', ''],
  ['other sections', aws, '', '[a]\n', ''],
  ['settings', aws, '[default]\n', 'a=b\n', ''],
  ['lines of ours', aws, '[default]\n', 'aws_session_token=x\n', ''],
  ['text below a key of ours', aws, '[default]\naws_session_token=x\n', ' x\n', ''],
  ['settings below a key of ours', aws, '[default]\naws_session_token=x\n', ' a=b\n', ''],
  ['comments below a key of ours', aws, '[default]\naws_session_token=x\n', '  #\n', ''],
  ['comments below the header', aws, '[default]\n', '\t;\n', ''],
  ['a deep comment', aws, '[default]\naws_session_token=x\n', '\t', '#'],
  ['one long key', aws, '[default]\n', 'a', '=b'],
  ['blanks before =', aws, '[default]\na', ' ', '=b'],
  ['brackets', aws, '', '[', ']'],
  ['a long text below a key of ours', aws, '[default]\naws_session_token=x\n ', 'aB3/', '=!'],
  ['blank lines', dotenv, '', '\n', ''],
  ['assignments', dotenv, '', 'a=b\n', ''],
  ['assignments of ours', dotenv, '', 'AWS_SESSION_TOKEN=x\n', ''],
  ['assignments of ours on one line', dotenv, '', 'AWS_SESSION_TOKEN=x ', ''],
  ['exports', dotenv, '', 'export ', ''],
  ['export lists', dotenv, 'export', ' AWS_SESSION_TOKEN', ''],
  ['names of ours', dotenv, 'x ', 'AWS_SESSION_TOKEN ', ''],
  ['quotes', dotenv, 'A="', '\\"', '"'],
  ['quotes of ours', dotenv, 'AWS_SESSION_TOKEN="', '\\"', '" x'],
  ['backslashes', dotenv, 'A=', '\\', 'x'],
  ['quotes without an end', dotenv, '', '"\n', 'x"'],
  ['quoted lines', dotenv, '', 'A="\n"\n', ''],
  ['blocks', dotenv, '', 'if x\n', ''],
  ['blocks on one line', dotenv, '', 'if x; fi\n', ''],
  ['blanks behind a value', dotenv, 'AWS_SESSION_TOKEN=x', ' ', 'x'],
  ['blanks behind a colon', dotenv, 'AWS_SESSION_TOKEN:', ' ', 'x y'],
  ['commands', dotenv, '', 'a b\n', ''],
  ['blanks', json, '', ' ', '{}'],
  ['members', json, '{"a":1', ',"a":1', '}'],
  ['members of ours', json, '{"a":1', ',"until":1', '}'],
  ['objects of ours', json, '{"a":1', ',"aws":{}', '}'],
  ['objects', json, '{"a":1', ',"a":{}', '}'],
  ['elements', json, '{"a":[1', ',1', ']}'],
  ['brackets', json, '', '[', ''],
  ['comments', json, '{"aws":{"id":1', '/**/', '}}'],
  ['comments before a member', json, '{', '//\n', '"aws":{"id":1}}'],
  ['blanks before a member', json, '{"aws":{"a":1,', ' \n', '"b":1}}'],
  ['escapes', json, '{"a":"', '\\n', '"}'],
  ['a string without an end', json, '{"', 'a', ''],
];

// Cause: a megabyte of [default] came out as 95 with 100,000 copies of the secret; four took 2 GB, or seconds.
describe('any bytes take a number of steps in proportion, and come out at most twice as large and 64 KiB', () => {
  for (const [title, sink, head, piece, tail] of hostile) {
    const fileOf = (size: number): Buffer => Buffer.from(head + piece.repeat(size / piece.length) + tail);

    test(`${sink.format}: ${title}`, async () => {
      for (const work of [
        (file: Buffer) => void renderSink(file, fresh, sink, {}),
        (file: Buffer) => void forgetSink(file, sink),
      ]) {
        work(fileOf(500));
        const [less, more] = [fileOf(4_000), fileOf(16_000)];
        const ratio =
          (await stepsOf(() => {
            work(more);
          })) /
          (await stepsOf(() => {
            work(less);
          }));
        assert.ok(ratio < 6, `4 times the bytes took ${ratio.toFixed(1)} times the steps`);
      }
      const file = fileOf(300_000);
      const made = renderSink(file, fresh, sink, {});
      if (made.ok) assert.ok(made.bytes.length <= 2 * file.length + 65_536);
    });
  }
});
