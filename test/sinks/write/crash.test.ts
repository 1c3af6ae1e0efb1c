import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test, type TestContext } from 'node:test';
import type { TempFile } from '../../../src/sinks/contract.ts';
import { sweepOwn } from '../../../src/sinks/write/work.ts';
import { walkerIn } from '../../support/sinks.ts';
import { FROM_SOURCE } from '../../support/from-source.ts';
import { tempDir } from '../../support/temp-dir.ts';

const CHILD = join(import.meta.dirname, '../../support/apply-child.ts');

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
      const child = start(t, [moment, ...paths]);
      const temps = JSON.parse(await linesOf(child)()) as TempFile[];
      child.kill('SIGKILL');
      await once(child, 'close');

      for (const path of paths) assert.equal(readFileSync(path, 'utf8'), 'old\n');
      assert.equal(temps.length, 2);
      for (const temp of temps) assert.equal(statSync(temp.path).size, size);
      assert.deepEqual(await sweepOwn(temps, walkerIn()), []);
      assert.deepEqual(readdirSync(directory).sort(), ['a', 'a.123', 'b']);
      assert.deepEqual(await sweepOwn(temps, walkerIn()), []);
    });
  }
});

function start(t: TestContext, args: readonly string[]): ChildProcess {
  const [node, ...flags] = FROM_SOURCE;
  return track(t, spawn(node, [...flags, CHILD, ...args], { stdio: ['ignore', 'pipe', 2] }));
}

function track(t: TestContext, child: ChildProcess): ChildProcess {
  t.after(() => child.kill('SIGKILL'));
  return child;
}

function linesOf(child: ChildProcess): () => Promise<string> {
  assert.ok(child.stdout);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return async () => String((await lines.next()).value);
}
