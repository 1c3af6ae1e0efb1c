import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test, type TestContext } from 'node:test';
import type { TempFile } from '../../src/sinks/contract.ts';
import { sweepTemps } from '../../src/sinks/sweep.ts';
import { tempDir } from '../support/temp-dir.ts';

const CHILD = join(import.meta.dirname, '../support/apply-child.ts');

describe('a kill', () => {
  for (const [moment, size] of [
    ['journalled', 0],
    ['staged', 8_043],
  ] as const) {
    test(`when the temp files are ${moment} leaves the old files whole, and the sweep removes the rest`, async (t) => {
      const directory = tempDir(t);
      const paths = ['a', 'b'].map((name) => join(directory, name));
      for (const path of paths) writeFileSync(path, 'old\n', { mode: 0o640 });
      writeFileSync(`${paths[0] ?? ''}.123`, 'a backup of the user', { mode: 0o600 });
      const child = start(t, [moment, '1', ...paths]);
      const temps = JSON.parse(await linesOf(child)()) as TempFile[];
      child.kill('SIGKILL');
      await once(child, 'close');

      for (const path of paths) assert.equal(readFileSync(path, 'utf8'), 'old\n');
      assert.equal(temps.length, 2);
      for (const temp of temps) assert.equal(statSync(temp.path).size, size);
      assert.deepEqual(await sweepTemps(temps), []);
      assert.deepEqual(readdirSync(directory).sort(), ['a', 'a.123', 'b']);
      assert.deepEqual(await sweepTemps(temps), []);
    });
  }
});

describe('readers beside many replacements', () => {
  test('see whole files only, each with its mode, and never none', async (t) => {
    const directory = tempDir(t);
    const paths = ['a', 'b'].map((name) => join(directory, name));
    await run(start(t, ['rotate', '1', ...paths]));
    const reader = startReader(t, paths);
    const nextLine = linesOf(reader);
    assert.equal(await nextLine(), 'reading');
    await run(start(t, ['rotate', '1000', ...paths]));
    reader.stdin?.end();
    const { reads, generations, trouble } = JSON.parse(await nextLine()) as Record<string, unknown>;
    assert.deepEqual(trouble, []);
    assert.ok(Number(reads) > 1_000 && Number(generations) > 50, `${String(reads)}, ${String(generations)}`);
  });
});

/** Reads in a tight loop until its standard input ends, then reports. */
const READER = `
  import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
  import { setImmediate } from 'node:timers/promises';
  const paths = process.argv.slice(1), uid = process.getuid();
  let isOver = false, reads = 0;
  const seen = new Set(), trouble = new Set();
  process.stdin.resume().on('end', () => { isOver = true; });
  console.log('reading');
  while (!isOver) {
    for (let i = 0; i < 200; i++) {
      try {
        const fd = openSync(paths[reads % paths.length]);
        const { mode, uid: owner } = fstatSync(fd);
        const [first, middle, last] = readFileSync(fd, 'latin1').split('\\n');
        closeSync(fd);
        if ((mode & 0o7777) !== 0o640 || owner !== uid) trouble.add('mode ' + mode.toString(8));
        if (first !== last || middle?.length !== 8000) trouble.add('torn');
        seen.add(first);
      } catch (error) { trouble.add(error.code); }
      reads++;
    }
    await setImmediate();
  }
  console.log(JSON.stringify({ reads, generations: seen.size, trouble: [...trouble] }));`;

function startReader(t: TestContext, paths: readonly string[]): ChildProcess {
  return track(
    t,
    spawn(process.execPath, ['--input-type=module', '--eval', READER, ...paths], { stdio: ['pipe', 'pipe', 2] }),
  );
}

function start(t: TestContext, args: readonly string[]): ChildProcess {
  const flags = ['--disable-warning=ExperimentalWarning', CHILD];
  return track(t, spawn(process.execPath, [...flags, ...args], { stdio: ['ignore', 'pipe', 2] }));
}

function track(t: TestContext, child: ChildProcess): ChildProcess {
  t.after(() => child.kill('SIGKILL'));
  return child;
}

async function run(child: ChildProcess): Promise<void> {
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0);
}

function linesOf(child: ChildProcess): () => Promise<string> {
  assert.ok(child.stdout);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return async () => String((await lines.next()).value);
}
