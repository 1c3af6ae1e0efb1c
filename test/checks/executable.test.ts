import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { build } from '../../scripts/build.ts';

const run = promisify(execFile);

describe('executable', async () => {
  const executable = await build();

  test('needs neither its directory nor an environment', async () => {
    const { stdout, stderr } = await run(executable, ['--version'], { cwd: '/', env: {} });
    assert.deepEqual({ stdout, stderr }, { stdout: `${packageJson.version}\n`, stderr: '' });
  });

  // Cause: by default a single executable obeys NODE_OPTIONS, which loads any code into it.
  test('takes no options for Node from the environment', async () => {
    await run(executable, ['--version'], { env: { NODE_OPTIONS: '--require=/nonexistent.js' } });
  });

  // Cause: by default Node catches SIGUSR1 and opens a debugger port, here in a daemon that runs as root.
  test('does not catch SIGUSR1', async (t) => {
    const child = spawn(executable, ['simulate', '--port=0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const status = readFileSync(`/proc/${child.pid ?? ''}/status`, 'utf8');
    const caught = BigInt(`0x${/^SigCgt:\s*(\w+)$/m.exec(status)?.[1] ?? ''}`);
    const bit = (signal: number) => 1n << BigInt(signal - 1);
    assert.equal(caught & bit(constants.signals.SIGUSR1), 0n);
    assert.notEqual(caught & bit(constants.signals.SIGTERM), 0n);
  });

  test('is not built again when nothing changed, however many ask', async () => {
    const before = statSync(executable).ino;
    await Promise.all([build(), build()]);
    assert.equal(statSync(executable).ino, before);
  });
});
