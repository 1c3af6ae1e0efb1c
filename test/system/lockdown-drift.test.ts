import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tally } from '../faults/tally.ts';
import { tempDir } from '../support/temp-dir.ts';
import { ALLOWED, done, openHost } from './lockdown-host.ts';
import { openInstance } from './namespace.ts';

const TABLE = 'inet credrotate_lockdown';

/** What somebody else does to our table, the exit code that status then has, and what it says. */
const DRIFTS: readonly (readonly [string, number, RegExp])[] = [
  [`add element ${TABLE} users { 1000 }`, 78, /drifted: the table allows 1000, unlike/],
  [`delete element ${TABLE} users { ${String(ALLOWED)} }`, 78, /does not allow 65533/],
  [`delete element ${TABLE} endpoints6 { fd00:ec2::254 }`, 78, /somebody changed the rules/],
  [`flush chain ${TABLE} refuse`, 78, /somebody changed the rules/],
  [`insert rule ${TABLE} output meta skuid 1000 accept`, 78, /somebody changed the rules/],
  [`add chain ${TABLE} output { policy drop ; }`, 78, /somebody changed the rules/],
  [`add table ${TABLE} { flags dormant ; }`, 78, /somebody changed the rules/],
  ['flush ruleset', 69, /^lockdown: off$/m],
];

test('what somebody else does to the rules is seen, and mended by apply', async (t) => {
  const space = await openInstance(t);
  const { lockdown } = await openHost(t, space, { lockdown: { allow_users: [ALLOWED], containers: 'deny' } });
  await tally(t, 'lockdown: drift is seen and mended', async (attempt) => {
    for (const [change, code, says] of DRIFTS) {
      await attempt(async () => {
        await done(lockdown('apply'));
        await done(lockdown('status'));
        const changed = await space.run('nft', change);
        assert.equal(changed.code, 0, changed.stderr);
        const status = await lockdown('status');
        assert.equal(status.code, code, `${change}: ${status.stdout}`);
        assert.match(status.stdout, says);
      });
    }
  });
});

/** What it may still do, a hundredth to the number: it changes the network of the machine. */
const EXPOSURE = 2;

test('its unit is sound and confined', (t) => {
  const unit = join(tempDir(t), 'credrotate-lockdown.service');
  cpSync(join(import.meta.dirname, '../../packaging/systemd/credrotate-lockdown.service'), unit);
  writeFileSync(unit, readFileSync(unit, 'utf8').replaceAll('/usr/bin/credrotate', '/bin/true'));
  if (!existsSync('/usr/bin/systemd-analyze')) {
    t.skip('needs the package systemd');
    return;
  }
  const analyze = (...args: readonly string[]): string => execFileSync('systemd-analyze', args, { encoding: 'utf8' });
  assert.equal(analyze('verify', '--man=no', unit), '');
  const [, exposure = ''] = /exposure level for \S+: (\d+\.\d)/.exec(analyze('security', '--offline=true', unit)) ?? [];
  t.diagnostic(`exposure ${exposure}`);
  assert.ok(Number(exposure) > 0 && Number(exposure) <= EXPOSURE, exposure);
});
