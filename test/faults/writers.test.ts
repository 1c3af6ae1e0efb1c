import assert from 'node:assert/strict';
import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { SinkOutcome } from '../../src/core/outcomes.ts';
import { applySinks } from '../../src/sinks/apply.ts';
import { applyRequest, sinkAt, sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';
import { IN_PLACE, raceWriter } from './writers.ts';

const deps = sinkDeps({ clock: { now: () => Date.now() } });

async function apply(path: string): Promise<SinkOutcome | undefined> {
  const { outcomes } = await applySinks(deps, applyRequest([sinkAt(path)]));
  return outcomes[0];
}

describe('a file that another tool writes in place', () => {
  test('loses none of our updates and none of its profiles', async (t) => {
    await raceWriter(t, { what: 'a tool that writes in place', writer: IN_PLACE, pause: 10, rotations: 20 });
  });

  // Cause: a merge with the empty file replaced it, and the tool filled a file that had no name any more.
  test('is not replaced between being emptied and being filled', async (t) => {
    const path = join(tempDir(t), 'a');
    writeFileSync(path, '', { mode: 0o600 });
    // Its timer ends before that of the second attempt, which is longer.
    setTimeout(() => {
      writeFileSync(path, 'OTHER=1\n');
    }, 10);
    assert.equal((await apply(path))?.result, 'written');
    assert.match(readFileSync(path, 'utf8'), /^OTHER=1\nKEY=/);
  });

  test('is replaced when it was empty for longer', async (t) => {
    const path = join(tempDir(t), 'a');
    writeFileSync(path, '', { mode: 0o600 });
    utimesSync(path, 1, 1);
    assert.equal((await apply(path))?.result, 'written');
  });
});
