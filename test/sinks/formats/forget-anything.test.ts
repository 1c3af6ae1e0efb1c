import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SinkConfig } from '../../../src/core/config.ts';
import { runs } from '../../support/runs.ts';
import { forget, keysSink } from './forgetting.ts';
import { awsSink, dotenvSink, KEY, SECRET, TOKEN, tryRender } from './rendering.ts';

/** Lines of the user, and those that we write over where they stand. */
const POOLS: readonly (readonly [sink: SinkConfig, foreign: readonly string[], ours: readonly string[]])[] = [
  [
    awsSink(),
    ['[other]', 'region = x', '# c', '; c', 'more', 'AWS_PROFILE=x', 'x =', '[a b]'],
    [
      '[default]',
      '[ default ]',
      'aws_access_key_id = 1',
      'AWS_SESSION_TOKEN=2',
      'aws_expiration: 3',
      '   ',
      '  more',
      ' # c',
    ],
  ],
  [
    dotenvSink(),
    ['A=1', 'export B=2', '# c', "C='x'", 'D="x', 'y"', 'E: 1', '  F = 2', 'G=\\'],
    ['AWS_ACCESS_KEY_ID=1', 'export AWS_SESSION_TOKEN = "2"', 'AWS_SECURITY_TOKEN:', ''],
  ],
];

test('forgetting after writing keeps every line of the user, whatever the file', () => {
  for (const [sink, foreign, ours] of POOLS) {
    const lines = fc.array(fc.constantFrom(...foreign, ...ours), { maxLength: 12 });
    fc.assert(
      fc.property(lines, (all) => {
        const written = tryRender({ sink, existing: all.join('\n') });
        if (!written) return;
        const text = forget(sink, written.bytes).text ?? '';
        for (const secret of [KEY, SECRET, TOKEN]) assert.ok(!text.includes(secret));
        const keptIn = (file: string): string[] => file.split('\n').filter((line) => foreign.includes(line.trim()));
        assert.deepEqual(keptIn(text), keptIn(written.text));
      }),
      { numRuns: runs(500) },
    );
  }
});

/** What stands where an object of ours was made. */
function isNothing(value: unknown): boolean {
  return ['{}', 'null'].includes(JSON.stringify(value));
}

test('forgetting after writing gives back any JSON document', () => {
  const document = fc
    .dictionary(fc.constantFrom('a', 'aws', 'b', '__proto__'), fc.jsonValue())
    .map((value) => ({ ...value }));
  fc.assert(
    fc.property(document, fc.constantFrom(undefined, 1, '\t'), (value, indentation) => {
      const existing = JSON.stringify(value, undefined, indentation);
      const written = tryRender({ sink: keysSink, existing });
      if (!written) return;
      const { text } = forget(keysSink, written.bytes);
      // An object of the user that was empty is one that we may have made.
      const isEmptied = Object.keys(value).every((key) => key === 'aws' && isNothing(value[key]));
      if (isEmptied) assert.equal(text, undefined);
      else if (!isNothing(value['aws'])) assert.equal(text, existing);
    }),
    { numRuns: runs(500) },
  );
});
