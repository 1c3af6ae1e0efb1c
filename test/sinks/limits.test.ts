import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dlopen } from 'node:ffi';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { SinkOutcome } from '../../src/core/outcomes.ts';
import { applySinks } from '../../src/sinks/apply.ts';
import { capacity } from '../../src/sinks/descriptors.ts';
import { applyRequest, sinkAt, sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';

const CHILD = join(import.meta.dirname, '../support/apply-child.ts');
const RLIMIT_FSIZE = 1;
const { functions: libc } = dlopen(null, {
  getrlimit: { arguments: ['i32', 'pointer'], return: 'i32' },
  setrlimit: { arguments: ['i32', 'pointer'], return: 'i32' },
});

describe('a disk that takes only so many bytes', () => {
  test('never leaves a short file: the old one stands, whatever the limit', async (t) => {
    const path = join(tempDir(t), 'a');
    const before = 'OTHER=1\n'.repeat(300);
    writeFileSync(path, before, { mode: 0o600 });
    const length = await lengthOfNext(path);
    for (let limit = 0; limit < length; limit += limit < length - 64 ? 37 : 1) {
      const outcome = await withFileSizeLimit(limit, path);
      assert.partialDeepStrictEqual(outcome, { result: 'failed', bytesChanged: false }, `limit ${String(limit)}`);
      assert.deepEqual(outcome.error, {
        code: 'SINK_WRITE_FAILED',
        message: `${path}: expected a complete write, got EFBIG on write`,
        hint: 'raise the file size limit: LimitFSIZE= of the unit, or ulimit -f',
      });
      assert.equal(readFileSync(path, 'utf8'), before);
      assert.deepEqual(readdirSync(join(path, '..')), ['a']);
    }
    assert.equal((await withFileSizeLimit(length, path)).result, 'written');
  });
});

describe('few file descriptors', () => {
  test('200 sinks are written under a limit of 128', (t) => {
    const directory = tempDir(t);
    const paths = Array.from({ length: 200 }, (_, index) => join(directory, `sink${String(index)}`));
    const script = 'ulimit -n 128; exec "$@"';
    const command = [process.execPath, '--disable-warning=ExperimentalWarning', CHILD, 'once', '1', ...paths];
    const { stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', ...command], { encoding: 'utf8', timeout: 60_000 });
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

async function lengthOfNext(path: string): Promise<number> {
  const render = sinkDeps().render(readFileSync(path), applyRequest([]).credentials, sinkAt(path), {});
  assert.ok(render.ok);
  await Promise.resolve();
  return render.bytes.length;
}

/** The limit is this process's own, and only while it writes. */
async function withFileSizeLimit(limit: number, path: string): Promise<SinkOutcome> {
  const saved = Buffer.alloc(16);
  assert.equal(libc.getrlimit(RLIMIT_FSIZE, saved), 0);
  const lowered = Buffer.from(saved);
  lowered.writeBigUInt64LE(BigInt(limit), 0);
  assert.equal(libc.setrlimit(RLIMIT_FSIZE, lowered), 0);
  try {
    const { outcomes } = await applySinks(sinkDeps(), applyRequest([sinkAt(path)]));
    return outcomes[0] ?? assert.fail('no outcome');
  } finally {
    libc.setrlimit(RLIMIT_FSIZE, saved);
  }
}
