import assert from 'node:assert/strict';
import { test } from 'node:test';
import { redactedDiff } from '../../src/report/diff.ts';

/** Lines of a file that anybody may have written, and what is shown of them. */
const LINES: readonly (readonly [line: string, shown: string])[] = [
  ['[default]', '[default]'],
  ['\taws_access_key_id = ASIAEXAMPLE000001234', '\taws_access_key_id = …1234'],
  ['export KEY="secret"', 'export KEY= [not shown]'],
  ['  "Expiration" : "2026-01-01T00:00:00Z",', '  "Expiration" : 2026-01-01T00:00:00Z'],
  ['  },', '  },'],
  ['secret', '(a line of 6 bytes)'],
  ['mK7dP0xQz9aVb3nRt5yWc1eLg8hJs2uXo4iFq6kMvZk=', '(a line of 44 bytes)'],
  ['  c2VjcmV0IGtleQ==', '(a line of 18 bytes)'],
  ['a\u001b[31m=secret', '(a line of 13 bytes)'],
  ['\fa=secret', '(a line of 9 bytes)'],
  ['a\v=secret', '(a line of 9 bytes)'],
  ['{\v\f}', '(a line of 4 bytes)'],
  ['\r[default]', '(a line of 10 bytes)'],
  ['[default]\f', '(a line of 10 bytes)'],
  [`${'A'.repeat(1_000)}=x`, '(a line of 1002 bytes)'],
];

test('of a line nothing is shown that is secret, or steers a terminal', () => {
  for (const [line, shown] of LINES) assert.deepEqual(redactedDiff(undefined, Buffer.from(line)), [`+ ${shown}`]);
});

// Cause: plan printed a million lines of a large file.
test('of a file of many lines some are shown, and the number of the others', () => {
  const shown = redactedDiff(
    undefined,
    Buffer.from(Array.from({ length: 5_000 }, (_, index) => `A${index}=1`).join('\n')),
  );
  assert.deepEqual([shown.length, shown.at(-1)], [201, '(4800 more lines)']);
});
