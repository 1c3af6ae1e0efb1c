import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { build } from '../../scripts/build.ts';

const run = promisify(execFile);

describe('executable', async () => {
  const executable = await build();

  test('needs neither its directory nor an environment', async () => {
    const { stdout, stderr } = await run(executable, ['-V'], { cwd: '/', env: {} });
    assert.deepEqual({ stdout, stderr }, { stdout: `${packageJson.version}\n`, stderr: '' });
  });

  // Cause: by default a single executable obeys NODE_OPTIONS, which loads any code into it.
  test('takes no options for Node from the environment', async () => {
    await run(executable, ['-V'], { env: { NODE_OPTIONS: '--require=/nonexistent.js' } });
  });

  // Cause: the file that OPENSSL_CONF names can load a library, and one that is broken ended the process with 101.
  test('takes no configuration of OpenSSL from the environment', async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'credrotate-test-'));
    const broken = join(directory.path, 'openssl.cnf');
    writeFileSync(broken, 'no equal sign\n');
    await run(executable, ['-V'], { env: { OPENSSL_CONF: broken } });
  });

  const VARIABLES = { NODE_V8_COVERAGE: 'coverage', NODE_DEBUG: 'fs,http,net,child_process' };

  // Cause: Node wrote files as root into a directory that the environment names.
  test(
    'run by root, writes and prints nothing that the environment asks Node for',
    { skip: process.getuid?.() !== 0 && 'needs root: others may steer their own Node' },
    async () => {
      await using directory = await mkdtempDisposable(join(tmpdir(), 'credrotate-test-'));
      const { stdout, stderr } = await run(executable, ['-V'], { cwd: directory.path, env: VARIABLES });
      assert.deepEqual({ stdout, stderr }, { stdout: `${packageJson.version}\n`, stderr: '' });
      assert.deepEqual(readdirSync(directory.path), []);
    },
  );

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
