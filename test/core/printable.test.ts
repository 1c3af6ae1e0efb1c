import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printable } from '../../src/core/printable.ts';

test('what could steer a terminal or begin a line is escaped, all else stays', () => {
  assert.equal(
    printable('a\nb\r\tc\u001b[1m\u0000\u009b\u202e\u2028\ud800'),
    'a\\nb\\r\\tc\\u{1b}[1m\\u{0}\\u{9b}\\u{202e}\\u{2028}\\u{d800}',
  );
  assert.equal(printable('Grüße, 世界 🎉 "\\"'), 'Grüße, 世界 🎉 "\\"');
});
