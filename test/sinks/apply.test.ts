import assert from 'node:assert/strict';
import { chmodSync, linkSync, lstatSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { DotenvSink } from '../../src/core/config.ts';
import type { SinkOutcome } from '../../src/core/outcomes.ts';
import { applySinks } from '../../src/sinks/apply.ts';
import { credentials } from '../support/credentials.ts';
import { applyRequest, keyLine, letTimePass, sinkAt, sinkDeps } from '../support/sinks.ts';
import { tempDir } from '../support/temp-dir.ts';

const OLD = credentials('0');
const NEW = credentials('1');
const deps = sinkDeps();

describe('a sink', () => {
  test('is made where there is none, with its mode and owner', async (t) => {
    const path = join(tempDir(t), 'a');
    const outcome = await apply(sinkAt(path, { mode: 0o640 }));
    assert.deepEqual(outcome, {
      path,
      part: 'A',
      format: 'dotenv',
      result: 'written',
      bytesChanged: true,
      drift: ['missing'],
      detail: 'a new file of mode 0640',
      warnings: [],
    });
    assert.equal(readFileSync(path, 'utf8'), `${keyLine(NEW.accessKeyId)}\n`);
    assert.equal(mode(path), 0o640);
    assert.deepEqual([statSync(path).uid, statSync(path).gid], [process.geteuid?.(), process.getegid?.()]);
  });

  test('keeps what its format does not own', async (t) => {
    const path = join(tempDir(t), 'a');
    writeFileSync(path, `OTHER=1\n${keyLine(OLD.accessKeyId)}\n`, { mode: 0o600 });
    const { result, drift } = await apply(sinkAt(path));
    assert.deepEqual({ result, drift }, { result: 'written', drift: ['bytes'] });
    assert.equal(readFileSync(path, 'utf8'), `OTHER=1\n${keyLine(NEW.accessKeyId)}\n`);
  });

  for (const umask of [0o000, 0o077, 0o777]) {
    test(`has its mode exactly under umask ${umask.toString(8)}, in a directory that is made as well`, async (t) => {
      const directory = tempDir(t);
      const before = process.umask(umask);
      t.after(() => process.umask(before));
      for (const wanted of [0o600, 0o640, 0o666, 0o440]) {
        const path = join(directory, `made${wanted.toString(8)}/a`);
        assert.equal((await apply(sinkAt(path, { mode: wanted }))).error, undefined);
        assert.equal(mode(path), wanted);
        assert.match(mode(join(path, '..')).toString(8), /^7[015]0$|^711$/);
      }
    });
  }

  test('of another mode is repaired by a new file, so that whoever has the old one open sees no more', async (t) => {
    const path = join(tempDir(t), 'a');
    const { records } = await applySinks(deps, applyRequest([sinkAt(path)]));
    chmodSync(path, 0o644);
    const { ino } = statSync(path);
    const { outcomes } = await applySinks(deps, applyRequest([sinkAt(path)], { rotated: false, records }));
    const detail = 'mode 0644 instead of 0600';
    assert.partialDeepStrictEqual(outcomes, [{ result: 'repaired', drift: ['mode'], detail, bytesChanged: false }]);
    assert.equal(mode(path), 0o600);
    assert.notEqual(statSync(path).ino, ino);
  });

  test('whose bytes somebody changed, to the same length, is repaired', async (t) => {
    const path = join(tempDir(t), 'a');
    writeFileSync(path, 'OTHER=0\n');
    const { records } = await applySinks(deps, applyRequest([sinkAt(path)]));
    letTimePass(path);
    writeFileSync(path, 'OTHER=1\nKEY=x', { flag: 'r+' });
    const { outcomes } = await applySinks(deps, applyRequest([sinkAt(path)], { rotated: false, records }));
    assert.partialDeepStrictEqual(outcomes, [{ result: 'repaired', drift: ['bytes'], bytesChanged: true }]);
    assert.equal(readFileSync(path, 'utf8'), `OTHER=1\n${keyLine(NEW.accessKeyId)}\n`);
  });

  test('with other names is written, and the names that stay behind are told of', async (t) => {
    const path = join(tempDir(t), 'a');
    writeFileSync(path, 'OTHER=1\n', { mode: 0o600 });
    linkSync(path, `${path}.backup`);
    const { result, warnings } = await apply(sinkAt(path));
    assert.equal(result, 'written');
    assert.deepEqual(warnings, ['the file had other names (hard links): they keep the old credentials']);
    assert.equal(readFileSync(`${path}.backup`, 'utf8'), 'OTHER=1\n');
  });
});

async function apply(sink: DotenvSink): Promise<SinkOutcome> {
  const { outcomes } = await applySinks(deps, applyRequest([sink]));
  return outcomes[0] ?? assert.fail('no outcome');
}

function mode(path: string): number {
  return lstatSync(path).mode & 0o7777;
}
