import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { assemble } from '../../src/config/assemble.ts';
import { parseYaml } from '../../src/config/document.ts';
import type { ConfigResult } from '../../src/config/load.ts';
import { formatProblems } from '../../src/config/problem.ts';
import { validatePattern } from '../../src/system/clock.ts';
import { runs } from '../support/runs.ts';

function read(text: string): ConfigResult {
  const parsed = parseYaml('f', text);
  const [trees, problems] = parsed.ok ? [[parsed.tree], []] : [[], parsed.problems];
  return assemble({ files: ['f'], trees, problems, validatePattern });
}

/** A result either way, and a text that is safe to print and says where. */
function assertSound(result: ConfigResult): void {
  const problems = result.ok ? result.warnings : result.problems;
  assert.ok(result.ok || problems.length > 0);
  for (const line of formatProblems(problems).split('\n')) {
    assert.match(line, /^$|^f:\d+:\d+: |^f: |^ {2}hint: /);
    assert.doesNotMatch(line, /[\p{Cc}\p{Cf}]/u);
  }
}

const WORDS = [
  'sinks',
  'consumers',
  'path',
  '/a',
  'format',
  'dotenv',
  'json',
  'notify',
  'mode',
  '0640',
  'keys',
  'names',
  'imds',
];
const MARKS = [
  ': ',
  '\n',
  '- ',
  '  ',
  '[',
  ']',
  '{',
  '}',
  ', ',
  '"',
  "'",
  '#',
  '&a',
  '*a',
  '|',
  '>',
  '!!str ',
  '---\n',
  '\t',
  '? ',
  '~',
  '\0',
  '\u2028',
];

test('any text gives a configuration or problems', () => {
  const soup = fc.array(fc.constantFrom(...WORDS, ...MARKS), { maxLength: 60 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(soup, fc.string({ unit: 'binary', maxLength: 200 })), (text) => {
      assertSound(read(text));
    }),
    { numRuns: runs(200) },
  );
});

const scalar = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constantFrom(...WORDS),
);
const value = fc.oneof(
  { withCrossShrink: true },
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.oneof(fc.string(), fc.constantFrom(...WORDS)), scalar, { maxKeys: 3 }),
);
const sink = fc.record(
  {
    path: fc.oneof(fc.constantFrom('/a', '/b', '/c'), value),
    format: fc.oneof(
      fc.constantFrom('aws-credentials', 'dotenv', 'json', 'ini', 'properties', 'template', 'value'),
      value,
    ),
    mode: fc.oneof(fc.constantFrom('0600', 640, '0666'), value),
    notify: fc.oneof(fc.array(fc.constantFrom('a', 'b')), value),
    owner: value,
    names: value,
    keys: value,
    shape: value,
    section: value,
    preset: value,
    template: value,
    delimiters: value,
    directory: value,
    profile: value,
  },
  { requiredKeys: [] },
);
const consumer = fc.record(
  {
    type: fc.oneof(fc.constantFrom('systemd', 'signal', 'exec'), value),
    unit: value,
    signal: value,
    pid_file: value,
    process: value,
    command: value,
    when: value,
    before: value,
  },
  { requiredKeys: [] },
);
const file = fc.record(
  {
    sinks: fc.oneof(fc.array(sink, { maxLength: 3 }), value),
    consumers: fc.oneof(fc.dictionary(fc.constantFrom('a', 'b', 'c d'), consumer), value),
    imds: value,
    refresh: fc.oneof(fc.record({ schedule: value }), value),
    trusted_groups: value,
    startup_wait: value,
    log: value,
  },
  { requiredKeys: [] },
);

test('any settings give a configuration or problems, and the same ones for the same settings', () => {
  fc.assert(
    fc.property(file, (settings) => {
      const text = stringify(settings);
      const result = read(text);
      assertSound(result);
      assert.ok(isDeepStrictEqual(read(text), result));
    }),
    { numRuns: runs(200) },
  );
});
