import { test } from 'node:test';
import { assertNoneLost, raceReaders } from './readers.ts';

test('readers beside rotations see whole files only, each with its mode and owner, and never none', async (t) => {
  const sightings = await raceReaders(t, { readers: 1, reads: 50_000, rotations: 40 });
  assertNoneLost(t, 'reads beside rotations', sightings);
});
