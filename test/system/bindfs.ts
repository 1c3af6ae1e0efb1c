import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { tempDir } from '../support/temp-dir.ts';
import { hasTool } from '../support/tools.ts';
import { hasOwnMounts } from './mounts.ts';

export interface Bound {
  /** What stands in it, as it is. */
  readonly from: string;
  /** As it is shown. */
  readonly to: string;
}

/** Shows a directory by FUSE of root, in the way that bindfs is told. Undefined, with the test skipped, where it cannot. */
export async function bind(t: TestContext, options: readonly string[] = []): Promise<Bound | undefined> {
  if (!hasOwnMounts(t)) return undefined;
  if (!hasTool('bindfs')) {
    t.skip('needs bindfs');
    return undefined;
  }
  // Before the directory goes.
  const end = new AsyncDisposableStack();
  t.after(() => end.disposeAsync());
  const base = tempDir(t);
  chmodSync(base, 0o755);
  const [from, to] = [join(base, 'backing'), join(base, 'shown')];
  for (const path of [from, to]) mkdirSync(path, { mode: 0o755 });
  const server = spawn('bindfs', ['-f', ...options, from, to], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = once(server, 'exit');
  end.defer(async () => {
    server.kill('SIGKILL');
    await ended;
    execFileSync('umount', ['--lazy', to]);
  });
  await eventually('bindfs', () => {
    assert.equal(server.exitCode, null);
    return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${to} `);
  });
  return { from, to };
}
