import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { compile } from '../faults/compile.ts';
import { needsRoot } from '../support/consumer.ts';
import { eventually } from '../support/eventually.ts';
import { FROM_SOURCE } from '../support/from-source.ts';
import { limit } from '../support/limits.ts';
import { tempDir } from '../support/temp-dir.ts';
import { hasTool } from '../support/tools.ts';

const WALK = `
  import { openDirectory } from ${JSON.stringify(join(import.meta.dirname, '../../src/paths/policies.ts'))};
  for (const path of process.argv.slice(1)) {
    const { kind, at } = openDirectory('sink', path, { uid: 0 });
    console.log(kind, at);
  }`;

function listen(
  t: TestContext,
  command: readonly string[],
): { readonly child: ChildProcess; readonly said: () => string } {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  return { child, said: () => said };
}

describe('a place where file systems are mounted on demand', { skip: needsRoot }, () => {
  // Cause: whoever opens its name, even with O_PATH, waits while a request of somebody else is under way.
  test('is known before it is opened, so that a silent one keeps nobody waiting', async (t) => {
    const autofs = await compile(join(import.meta.dirname, '../system/attack-autofs.c'));
    if (autofs === undefined || !hasTool('unshare') || !hasTool('nsenter')) {
      t.skip('needs cc, and unshare and nsenter of util-linux');
      return;
    }
    const at = join(tempDir(t), 'on demand');
    mkdirSync(at);
    // Its mounts go with it.
    const server = listen(t, ['unshare', '--mount', '--propagation', 'private', autofs, at, 'silent']);
    await eventually('an automount point', () => server.said() === 'mounted\n');
    const inside = ['nsenter', '--mount', '--target', String(server.child.pid)];
    listen(t, [...inside, 'ls', `${at}/`]);
    await eventually('a request under way', () => server.said() === 'mounted\nasked\n');
    const [program, ...args] = [...inside, ...FROM_SOURCE, '--input-type=module', '--eval', WALK, at, `${at}/a/b`];
    const { stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: limit(10_000), killSignal: 'SIGKILL' });
    assert.equal(stdout, `remote ${at}\n`.repeat(2));
  });
});
