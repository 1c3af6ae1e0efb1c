import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { forgetSink } from '../../../src/sinks/formats/render.ts';
import { dotenvSink, EXPIRATION, KEY, refuse, render, SECRET, TOKEN } from './rendering.ts';

const id = `AWS_ACCESS_KEY_ID=${KEY}\n`;
const secret = `AWS_SECRET_ACCESS_KEY=${SECRET}\n`;
const token = `AWS_SESSION_TOKEN=${TOKEN}\n`;
const expiration = `AWS_CREDENTIAL_EXPIRATION=${EXPIRATION}\n`;
const all = id + secret + token + expiration;
const exported = (lines: string): string => lines.replace(/^(?=.)/gm, 'export ');
describe('dotenv: options', () => {
  test('only: nothing else stays, not even what would be refused', () => {
    const existing = `\0A="b\n${id}`;
    assert.equal(render({ sink: dotenvSink({ only: true }), existing }).text, all);
    const exported = render({ sink: dotenvSink({ only: true, export: true }), existing });
    assert.equal(exported.text, all.replace(/^/gm, 'export ').slice(0, -'export '.length));
  });

  test('export: new lines have it, older ones stay as they are', () => {
    const { text, warnings } = render({ sink: dotenvSink({ export: true }), existing: id.replace(KEY, 'OLD') });
    assert.equal(text, `${id}export ${secret}export ${token}export ${expiration}`);
    assert.match(warnings.join(), /^line 1: not exported/);
  });

  test('names, and an expiration that is left out but never left stale', () => {
    const names = { accessKeyId: 'ID', secretAccessKey: 'S3_SECRET', sessionToken: 'TOKEN', expiration: null };
    const written = `ID=${KEY}\nS3_SECRET=${SECRET}\nTOKEN=${TOKEN}\n`;
    assert.equal(render({ sink: dotenvSink({ names }) }).text, written);
    const existing = 'AWS_CREDENTIAL_EXPIRATION=OLD\n';
    assert.equal(render({ sink: dotenvSink({ names }), existing }).text, expiration + written);
    assert.equal(render({ sink: dotenvSink({ names, prefix: 'X_' }), existing }).text, existing + written);
  });
});

describe('dotenv: other variables', () => {
  const sink = dotenvSink({
    others: [
      { field: 'region', key: 'AWS_REGION' },
      { field: 'region', key: 'AWS_DEFAULT_REGION' },
      { field: 'instance_id', key: 'INSTANCE' },
      { field: 'expiration_epoch_ms', key: 'UNTIL' },
    ],
  });
  const origin = { region: 'eu-west-1', instanceId: 'i-1' };
  const until = Date.parse(EXPIRATION);
  const lines = `AWS_REGION=eu-west-1\nAWS_DEFAULT_REGION=eu-west-1\nINSTANCE=i-1\nUNTIL=${until}\n`;
  const main = id + secret + token;

  test('are written beside the keys, kept equal, and go with them', () => {
    assert.equal(render({ sink, origin }).text, main + lines + expiration);
    const existing = `A=b\nAWS_DEFAULT_REGION=OLD\nUNTIL=1\n${main}`;
    const { text } = render({ sink, origin, existing });
    assert.match(text, /^A=b\nAWS_DEFAULT_REGION=eu-west-1\nUNTIL=\d{13}\n/);
    const left = forgetSink(Buffer.from(`A=b\n${main}${lines}`), sink);
    assert.equal(left.ok && left.bytes?.toString(), 'A=b\n');
  });

  test('refuse the file where they are not known, or hold what readers do not agree on', () => {
    assert.match(refuse({ sink, origin: { region: 'eu-west-1' } }), /^instance_id: expected it to be known/);
    assert.match(refuse({ sink, origin: { ...origin, instanceId: 'i 1' } }), /^instance_id: expected only letters/);
  });
});

describe('dotenv: exported by other means', () => {
  const cases: readonly (readonly [title: string, before: string, after: string])[] = [
    ['export', exported(id + secret), exported(all)],
    ['several on one line', 'export AWS_ACCESS_KEY_ID=OLD AWS_SECRET_ACCESS_KEY=OLD\n', exported(all)],
    ['export behind a value', 'AWS_ACCESS_KEY_ID=OLD; export AWS_ACCESS_KEY_ID\n', exported(all)],
    [
      'a list',
      `${id}${secret}A=b\nexport AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY A\n`,
      `${id}${secret}${token}${expiration}A=b\nexport AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY A AWS_SESSION_TOKEN AWS_CREDENTIAL_EXPIRATION\n`,
    ],
    [
      'a list with a comment, and names of ours in it that are not set',
      `${id}export A AWS_ACCESS_KEY_ID AWS_SESSION_TOKEN ; # ours\n`,
      `${id}${secret}${token}${expiration}export A AWS_ACCESS_KEY_ID AWS_SESSION_TOKEN AWS_SECRET_ACCESS_KEY AWS_CREDENTIAL_EXPIRATION ; # ours\n`,
    ],
  ];
  for (const [title, before, after] of cases) {
    test(title, () => {
      const { text, warnings } = render({ sink: dotenvSink(), existing: before });
      assert.equal(text, after);
      assert.doesNotMatch(warnings.join(), /not exported/);
    });
  }

  test('a warning where only a part is', () => {
    const { warnings } = render({ sink: dotenvSink(), existing: `${id}export ${secret}` });
    assert.match(warnings.join(), /line 1: not exported/);
  });
});

describe('dotenv: the first line of a file that we make', () => {
  const marker = '# Kept by credrotate, changes to these keys are overwritten\n';
  const sink = dotenvSink({ comment: true });
  const only = dotenvSink({ comment: true, only: true });

  test('stands in a new file alone', () => {
    assert.equal(render({ sink }).text, marker + all);
    assert.equal(render({ sink, existing: '' }).text, all);
    assert.equal(render({ sink, existing: all }).text, all);
  });

  test('is part of a file that is all ours, which may also do without', () => {
    assert.equal(render({ sink: only }).text, marker + all);
    assert.equal(render({ sink: only, existing: 'A=b\n' }).text, marker + all);
    assert.equal(render({ sink: only, existing: all }).text, all);
  });
});
