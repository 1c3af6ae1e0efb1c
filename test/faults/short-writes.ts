import assert from 'node:assert/strict';
import { dlopen } from 'node:ffi';
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { SinkConfig } from '../../src/core/config.ts';
import type { SinkOutcome } from '../../src/core/outcomes.ts';
import { applySinks } from '../../src/sinks/apply.ts';
import { renderSink } from '../../src/sinks/formats/render.ts';
import { applyRequest, sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';
import { EVERY_FORMAT } from './formats.ts';
import { tally } from './tally.ts';

const RLIMIT_FSIZE = 1;
const { functions: libc } = dlopen(null, {
  getrlimit: { arguments: ['i32', 'pointer'], return: 'i32' },
  setrlimit: { arguments: ['i32', 'pointer'], return: 'i32' },
});
const deps = sinkDeps({ render: renderSink });

/** What others have in the file. */
const FOREIGN: Readonly<Record<string, string>> = {
  'aws-credentials': '[other]\nregion = eu-west-1\n'.repeat(8),
  dotenv: 'OTHER=1\n'.repeat(20),
  'json keys': `{"other": "${'x'.repeat(200)}"}`,
};

/** For a sink of each format, lets the disk take 0, `step`, … bytes, and at last all. */
export async function writeShort(t: TestContext, what: string, step: number): Promise<void> {
  await tally(t, what, async (attempt) => {
    for (const [format, sinkAt] of Object.entries(EVERY_FORMAT)) {
      const sink = sinkAt(join(tempDir(t), 'sink'));
      writeFileSync(sink.path, FOREIGN[format] ?? '', { mode: sink.mode });
      const length = lengthOfNext(sink);
      for (let limit = 0; limit < length; limit += step) await attempt(() => failAt(sink, limit));
      assert.equal((await applyWithin(length, sink)).result, 'written');
    }
  });
}

async function failAt(sink: SinkConfig, limit: number): Promise<void> {
  const before = [readFileSync(sink.path), lstatSync(sink.path, { bigint: true })];
  const { result, bytesChanged, error } = await applyWithin(limit, sink);
  const what = `limit ${String(limit)}`;
  assert.deepEqual([result, bytesChanged], ['failed', false], what);
  assert.deepEqual(error, {
    code: 'SINK_WRITE_FAILED',
    message: `${sink.path}: expected a complete write, got EFBIG on write`,
    hint: 'raise the file size limit: LimitFSIZE= of the unit, or ulimit -f',
  });
  assert.deepEqual([readFileSync(sink.path), lstatSync(sink.path, { bigint: true })], before, what);
  assert.deepEqual(readdirSync(join(sink.path, '..')), ['sink'], what);
}

function lengthOfNext(sink: SinkConfig): number {
  const rendered = renderSink(readFileSync(sink.path), applyRequest([]).credentials, sink, {});
  return rendered.ok ? rendered.bytes.length : assert.fail(rendered.error.message);
}

/** The limit is this process's own, and only while it writes. */
async function applyWithin(limit: number, sink: SinkConfig): Promise<SinkOutcome> {
  const saved = Buffer.alloc(16);
  assert.equal(libc.getrlimit(RLIMIT_FSIZE, saved), 0);
  const lowered = Buffer.from(saved);
  lowered.writeBigUInt64LE(BigInt(limit), 0);
  assert.equal(libc.setrlimit(RLIMIT_FSIZE, lowered), 0);
  try {
    const { outcomes } = await applySinks(deps, { ...applyRequest([]), sinks: [sink], origin: {} });
    return outcomes[0] ?? assert.fail('no outcome');
  } finally {
    libc.setrlimit(RLIMIT_FSIZE, saved);
  }
}
