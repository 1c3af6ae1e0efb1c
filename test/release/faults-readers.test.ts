import { test } from 'node:test';
import { assertNoneLost, raceReaders } from '../faults/readers.ts';

test('a million reads beside rotations see whole files only, each with its mode and owner', async (t) => {
  const sightings = await raceReaders(t, { readers: 2, reads: 500_000, rotations: 2_000 });
  assertNoneLost(t, 'reads beside 2,000 rotations of each format', sightings);
});
