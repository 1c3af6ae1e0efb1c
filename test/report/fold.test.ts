import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fold, lineWidth } from '../../src/report/text.ts';

const WORDS = 'one two three four five six seven eight nine ten';

describe('on a terminal a line that is too long', () => {
  const cases: Readonly<Record<string, readonly [line: string, folded: readonly string[]]>> = {
    'goes on below its first word': [
      `          HINT: ${WORDS}`,
      [
        '          HINT: one two three four five',
        ...['six seven eight nine ten'].map((words) => ' '.repeat(10) + words),
      ],
    ],
    'goes on in the column of what is padded to it': [
      `written   ${WORDS}`,
      ['written   one two three four five six', '          seven eight nine ten'],
    ],
    'goes on beside a word that fills its column': [
      `unchanged ${WORDS}`,
      ['unchanged one two three four five six', '          seven eight nine ten'],
    ],
    'goes on in the last of several columns': [
      `12:00:00  demo    ${WORDS}`,
      [
        '12:00:00  demo    one two three four',
        ...['five six seven eight', 'nine ten'].map((words) => ' '.repeat(18) + words),
      ],
    ],
    'stays whole where it is a hint with a command': [
      '  hint: sudo chmod go-w /one/two/three, or choose another',
      ['  hint: sudo chmod go-w /one/two/three, or choose another'],
    ],
    'goes on further in than its hint': [
      `credrotate: ${WORDS}\n  hint: ${WORDS}`,
      [
        'credrotate: one two three four five',
        '    six seven eight nine ten',
        '  hint: one two three four five six',
        '    seven eight nine ten',
      ],
    ],
    'is left whole where it is one word, and a number stays with its unit': [
      `/${'x'.repeat(50)}\nit was written so and so long ago, 52 min`,
      [`/${'x'.repeat(50)}`, 'it was written so and so long ago,', '    52 min'],
    ],
  };
  for (const [what, [line, folded]] of Object.entries(cases))
    test(what, () => {
      assert.equal(fold(line, 40), folded.join('\n'));
    });

  test('is not too long for its colours', () => {
    const line = `\u001b[32m${'x '.repeat(20)}\u001b[39m`;
    assert.equal(fold(line, 40), line);
  });
});

test('lines are as long as the terminal is wide, within reason', () => {
  assert.deepEqual([0, 20, 66, 80, 300].map(lineWidth), [80, 40, 66, 80, 100]);
});
