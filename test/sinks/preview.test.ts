import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { applySinks } from '../../src/sinks/apply.ts';
import type { ApplyRequest } from '../../src/sinks/contract.ts';
import { previewSinks } from '../../src/sinks/apply.ts';
import { credentials } from '../support/credentials.ts';
import { applyRequest, keyLine, sinkAt, sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';

const NEW = credentials('1');
const deps = sinkDeps();

describe('a preview', () => {
  test('shows what would be written, and writes nothing', async (t) => {
    const directory = tempDir(t);
    const path = join(directory, 'a');
    writeFileSync(path, 'OTHER=1\n', { mode: 0o644 });
    const sinks = [sinkAt(path), sinkAt(join(directory, 'made/b'))];
    const [changed, made] = await previewSinks(deps, applyRequest(sinks, { rotated: false }));
    assert.partialDeepStrictEqual(changed, { result: 'written', drift: ['bytes', 'mode'], bytesChanged: true });
    assert.equal(changed?.current?.toString(), 'OTHER=1\n');
    assert.equal(changed.next?.toString(), `OTHER=1\n${keyLine(NEW.accessKeyId)}\n`);
    assert.partialDeepStrictEqual(made, { drift: ['missing'] });
    assert.equal(made?.current, undefined);
    assert.deepEqual(readdirSync(directory), ['a']);
    assert.equal(readFileSync(path, 'utf8'), 'OTHER=1\n');
  });

  test('has no bytes of a sink that stands or is refused', async (t) => {
    const { path } = await written(t);
    appendFileSync(`${path}.refused`, 'refuse\n');
    const sinks = [sinkAt(path), sinkAt(`${path}.refused`)];
    const previews = await previewSinks(deps, applyRequest(sinks, { rotated: false }));
    assert.deepEqual(
      previews.map(({ result }) => result),
      ['unchanged', 'refused'],
    );
    for (const preview of previews) assert.deepEqual([preview.current, preview.next], [undefined, undefined]);
  });
});

// Cause: the previews of a thousand large files on root's own paths were kept in memory.
test('previews have the bytes of so many files alone', async (t) => {
  const directory = tempDir(t);
  const paths = Array.from({ length: 20 }, (_, index) => join(directory, String(index)));
  for (const path of paths) writeFileSync(path, `OTHER=${'x'.repeat(1_000_000)}\n`);
  const previews = await previewSinks(
    deps,
    applyRequest(
      paths.map((path) => sinkAt(path)),
      { rotated: false },
    ),
  );
  assert.ok(previews.every(({ result }) => result === 'written'));
  const kept = previews.filter(({ next }) => next);
  assert.ok(kept.length > 10 && kept.length < 20, String(kept.length));
});

async function written(t: TestContext): Promise<{ path: string; records: ApplyRequest['records'] }> {
  const path = join(tempDir(t), 'a');
  const { records } = await applySinks(deps, applyRequest([sinkAt(path)]));
  return { path, records };
}
