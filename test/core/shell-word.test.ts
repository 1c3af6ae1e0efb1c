import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shellWord } from '../../src/core/printable.ts';

test('a remedy can be pasted into a shell whatever the name', () => {
  assert.equal(shellWord('/etc/a-b_c.yaml'), '/etc/a-b_c.yaml');
  assert.equal(shellWord("a'; rm x $(y)"), "'a'\\''; rm x $(y)'");
});
