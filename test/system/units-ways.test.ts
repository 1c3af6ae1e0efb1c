import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { tempDir } from '../support/temp-dir.ts';

const UNITS = join(import.meta.dirname, '../../packaging/systemd');
const PRESET = '90-credrotate.preset';
const WAYS = ['credrotate.service', 'credrotate.timer'] as const;
const needsSystemd = spawnSync('systemctl', ['--version']).status === 0 ? false : 'needs systemctl';

/** A root with our units, in which nothing runs. */
function installUnits(t: TestContext): string {
  const root = tempDir(t);
  const units = join(root, 'usr/lib/systemd/system');
  cpSync(UNITS, units, { recursive: true });
  cpSync(join(UNITS, PRESET), join(root, 'usr/lib/systemd/system-preset', PRESET));
  for (const target of ['multi-user.target', 'timers.target']) writeFileSync(join(units, target), '');
  mkdirSync(join(root, 'etc/systemd/system'), { recursive: true });
  return root;
}

function systemctl(root: string, ...args: readonly string[]): { readonly code: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync('systemctl', ['--root', root, ...args], { encoding: 'utf8' });
  return { code: status, said: stdout + stderr };
}

describe('the agent and the timer', { skip: needsSystemd }, () => {
  for (const [first, second] of [WAYS, WAYS.toReversed() as unknown as typeof WAYS]) {
    test(`${second} is refused while ${first} is enabled, and taken when it is not`, (t) => {
      const root = installUnits(t);
      assert.equal(systemctl(root, 'enable', first).code, 0);
      const { code, said } = systemctl(root, 'enable', second);
      assert.equal(code, 1);
      assert.match(said, /credrotate-agent-or-timer\.service" already exists/);
      assert.equal(systemctl(root, 'disable', ...WAYS).code, 0);
      assert.equal(systemctl(root, 'enable', second).code, 0);
    });
  }

  test('where all units are enabled by default, the agent is the way, and nobody is locked out', (t) => {
    const root = installUnits(t);
    assert.equal(systemctl(root, 'preset-all').code, 0);
    const enabled = [...WAYS, 'credrotate-lockdown.service'].filter(
      (unit) => systemctl(root, 'is-enabled', unit).code === 0,
    );
    assert.deepEqual(enabled, ['credrotate.service']);
  });
});
