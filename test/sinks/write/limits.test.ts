import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { SinkOutcome } from '../../../src/core/outcomes.ts';
import { capacity } from '../../../src/sinks/write/work.ts';
import { FROM_SOURCE } from '../../support/from-source.ts';
import { limit } from '../../support/limits.ts';
import { tempDir } from '../../support/temp-dir.ts';

const CHILD = join(import.meta.dirname, '../../support/apply-child.ts');

describe('few file descriptors', () => {
  test('200 sinks are written under a limit of 128', (t) => {
    const directory = tempDir(t);
    const paths = Array.from({ length: 200 }, (_, index) => join(directory, `sink${String(index)}`));
    const script = 'ulimit -n 128; exec "$@"';
    const command = [...FROM_SOURCE, CHILD, 'once', ...paths];
    const { stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', ...command], {
      encoding: 'utf8',
      timeout: limit(60_000),
    });
    assert.equal(stderr, '');
    const outcomes = JSON.parse(stdout) as SinkOutcome[];
    assert.deepEqual(
      outcomes.filter(({ result }) => result !== 'written'),
      [],
    );
    assert.equal(outcomes.length, 200);
    assert.equal(readdirSync(directory).length, 200);
  });

  test('the batch fits beside what is open already, and is never empty', () => {
    assert.equal(capacity(1024, 24), 484);
    assert.equal(capacity(128, 24), 36);
    assert.equal(capacity(24, 24), 1);
    assert.equal(capacity(Number.NaN, 24), 1);
  });
});
