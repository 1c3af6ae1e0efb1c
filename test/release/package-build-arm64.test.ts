import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import packageJson from '../../package.json' with { type: 'json' };
import { build } from '../../scripts/build.ts';
import { openSite } from '../support/agent.ts';

const run = promisify(execFile);
const LIBRARIES = '/usr/aarch64-linux-gnu';

describe('the executable for arm64, under an emulator', () => {
  test('starts', async (t) => {
    if (!canEmulate(t)) return;
    const { stdout, stderr } = await emulate(await build('arm64'), ['-V'], {});
    assert.deepEqual([stdout, stderr], [`${packageJson.version}\n`, '']);
  });

  test('makes a pass', async (t) => {
    if (!canEmulate(t)) return;
    const site = await openSite(t);
    const sinks = ['--json-file', site.path('iam.json'), '--aws-credentials', site.path('credentials')];
    const { stdout, stderr } = await emulate(await build('arm64'), ['once', ...sinks], site.env);
    assert.equal(stderr, '');
    assert.match(stdout, /source ok/);
    for (const name of ['iam.json', 'credentials'])
      assert.ok(readFileSync(site.path(name), 'utf8').includes(site.metadata.current().token), name);
  });
});

function emulate(
  executable: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ stdout: string; stderr: string }> {
  // Not by `-L`, which has the emulator take the directory for the root of all files.
  const loader = [`${LIBRARIES}/lib/ld-linux-aarch64.so.1`, '--library-path', `${LIBRARIES}/lib`];
  return run('qemu-aarch64-static', [...loader, executable, ...args], { env: { PATH: '/usr/bin:/bin', ...env } });
}

function canEmulate(t: TestContext): boolean {
  const isThere = existsSync('/usr/bin/qemu-aarch64-static') && existsSync(`${LIBRARIES}/lib/libatomic.so.1`);
  if (!isThere) t.skip('needs qemu-user-static and the libraries of arm64');
  return isThere;
}
