import assert from 'node:assert/strict';
import { chmodSync, lstatSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { DotenvSink } from '../../../src/core/config.ts';
import { idOf } from '../../../src/core/sink-id.ts';
import { applySinks } from '../../../src/sinks/apply.ts';
import type { ApplyRequest } from '../../../src/sinks/contract.ts';
import { credentials, HOUR, NOON } from '../../support/credentials.ts';
import { applyRequest, renderKey, sinkAt, sinkDeps } from '../../support/sinks.ts';
import { tempDir } from '../../support/temp-dir.ts';

const OLD = credentials('0');
const NEW = credentials('1');
const deps = sinkDeps();

describe('a sink that stands', () => {
  test('is not even opened when its record says so', async (t) => {
    const { path, records } = await written(t);
    const before = lstatSync(path, { bigint: true });
    const blind = sinkDeps({
      render: () => assert.fail('rendered'),
      security: { ...deps.security, hasAcl: () => assert.fail('opened') },
      files: { replace: () => assert.fail('written') },
    });
    const result = await applySinks(blind, applyRequest([sinkAt(path)], { rotated: false, records }));
    assert.partialDeepStrictEqual(result.outcomes, [{ result: 'unchanged', bytesChanged: false, drift: [] }]);
    assert.deepEqual(result.records, records);
    assert.deepEqual(lstatSync(path, { bigint: true }), before);
  });

  test('without a record is read, without a trace in its atime, and recorded', async (t) => {
    const { path, records } = await written(t);
    const before = lstatSync(path, { bigint: true });
    const later = { ...applyRequest([sinkAt(path)], { rotated: false }) };
    const result = await applySinks(sinkDeps({ clock: { now: () => NOON + 1 } }), later);
    assert.partialDeepStrictEqual(result.outcomes, [{ result: 'unchanged' }]);
    assert.deepEqual(lstatSync(path, { bigint: true }), before);
    const { renamedAt, ...rest } = result.records[idOf(sinkAt(path))] ?? assert.fail('no record');
    assert.partialDeepStrictEqual(records[idOf(sinkAt(path))], {
      key: rest.key,
      inode: rest.inode,
      ctimeNs: rest.ctimeNs,
    });
    assert.equal(renamedAt, NOON + 1);
  });

  test('keeps the time of its bytes when its mode alone is repaired', async (t) => {
    const { path, records } = await written(t);
    chmodSync(path, 0o644);
    const later = sinkDeps({ clock: { now: () => NOON + 1 } });
    const repaired = await applySinks(later, applyRequest([sinkAt(path)], { rotated: false, records }));
    assert.equal(repaired.records[idOf(sinkAt(path))]?.renamedAt, NOON);
    const other = sinkAt(path, { mode: 0o640 });
    const changed = await applySinks(later, applyRequest([other], { rotated: false, records: repaired.records }));
    assert.partialDeepStrictEqual(changed.records[idOf(sinkAt(path))], { renamedAt: NOON, mode: 0o640 });
  });

  test('has the evidence of its keys through a rewrite for another expiration', async (t) => {
    const path = join(tempDir(t), 'a');
    const timed = sinkDeps({
      render: (_, { expiration }) => ({ ok: true, bytes: Buffer.from(String(expiration)), warnings: [] }),
    });
    const pass = async (hours: number, records: ApplyRequest['records']) => {
      const wish = {
        credentials: { ...NEW, expiration: NOON + hours * HOUR },
        rotated: records[idOf(sinkAt(path))] === undefined,
      };
      return await applySinks(timed, applyRequest([sinkAt(path)], { ...wish, records }));
    };
    const evidenceAfter = async (records: ApplyRequest['records']) => {
      const renewed = await pass(7, records);
      assert.partialDeepStrictEqual(renewed.outcomes, [{ result: 'written', bytesChanged: false, drift: [] }]);
      const { outcomes } = await pass(7, renewed.records);
      return outcomes[0]?.evidence;
    };
    const { records } = await pass(6, {});
    const writtenAt = Math.floor(lstatSync(path).mtimeMs);
    assert.deepEqual(await evidenceAfter(records), { kind: 'unread', writtenAt });
    const { records: again } = await pass(8, records);
    const readAt = Math.floor(Date.now() / 1000) + 60;
    utimesSync(path, readAt, lstatSync(path).mtime);
    // As a real read leaves it: utimes alone changes the ctime.
    const ctimeNs = String(lstatSync(path, { bigint: true }).ctimeNs);
    const record = again[idOf(sinkAt(path))] ?? assert.fail('no record');
    assert.partialDeepStrictEqual(await evidenceAfter({ [idOf(sinkAt(path))]: { ...record, ctimeNs } }), {
      kind: 'read',
      readAt: readAt * 1000,
    });
  });

  const differences: Record<string, Partial<ApplyRequest> & { sink?: Partial<DotenvSink> }> = {
    credentials: { credentials: OLD },
    origin: { origin: { role: 'other' } },
    'an option of the format': { sink: { prefix: 'X_' } },
    mode: { sink: { mode: 0o640 } },
  };
  for (const [what, { sink = {}, ...change }] of Object.entries(differences)) {
    test(`is rendered again for other ${what}`, async (t) => {
      const { path, records } = await written(t);
      let rendered = 0;
      const counting = sinkDeps({ render: (...args) => (rendered++, renderKey(...args)) });
      await applySinks(counting, applyRequest([sinkAt(path, sink)], { records, ...change }));
      assert.equal(rendered, 1);
    });
  }
});

async function written(t: TestContext): Promise<{ path: string; records: ApplyRequest['records'] }> {
  const path = join(tempDir(t), 'a');
  const { records } = await applySinks(deps, applyRequest([sinkAt(path)]));
  return { path, records };
}
