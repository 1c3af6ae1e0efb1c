import { test } from 'node:test';
import { writeShort } from './short-writes.ts';

/** The system suite tries every byte. */
const STEP = 5;

test('a disk that takes only so many bytes never leaves a short file', async (t) => {
  await writeShort(t, 'short writes', STEP);
});
