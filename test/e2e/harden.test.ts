import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { dropInPaths, UNITS } from '../../src/harden/sandbox.ts';
import { openingsOf } from '../../src/harden/drop-in.ts';
import { openSite } from '../support/agent.ts';

describe('credrotate harden', () => {
  test('prints the drop-in, and writes nothing', async (t) => {
    const site = await openSite(t);
    const before = dropInPaths(UNITS).map((path) => existsSync(path));
    const config = site.configure({ sinks: [{ path: site.path('new/a.json'), format: 'json' }] });
    const { code, stdout, stderr } = await site.run(['harden', '--dry-run', ...config]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^(?:# .*\n){3}\[Service\]\nProtectSystem=strict\n/);
    assert.deepEqual(openingsOf(stdout), [site.directory]);
    assert.deepEqual(
      dropInPaths(UNITS).map((path) => existsSync(path)),
      before,
    );
  });

  test('refuses what has two meanings, and what only root can do', async (t) => {
    const site = await openSite(t);
    const config = site.configure({ sinks: [{ path: site.path('a.json'), format: 'json' }] });
    assert.equal((await site.run(['harden', '--dry-run', '--undo', ...config])).code, 64);
    if (process.getuid?.() === 0) return;
    for (const options of [[], ['--undo']]) {
      const { code, stderr } = await site.run(['harden', ...options, ...config]);
      assert.equal(code, 64);
      assert.match(stderr, /expected root.*\n.*hint: sudo credrotate harden/);
    }
  });
});
