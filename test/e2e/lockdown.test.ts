import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openSite } from '../support/agent.ts';

/** What needs no rights. The rules themselves are tried in test/system/lockdown.test.ts. */
describe('credrotate lockdown', () => {
  test('shows the rules of the configuration and the options, and loads none', async (t) => {
    const site = await openSite(t);
    const option = site.configure({ sinks: [], lockdown: { allow_users: [1, 'root'], containers: 'deny' } });
    const args = ['--dry-run', '--force', '--allow-user', '65533', '2', '--for', '1500ms', ...option];
    const { code, stdout, stderr } = await site.run(['lockdown', 'apply', ...args]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^connected now: /);
    assert.match(stdout, /elements = \{ 0, 1, 2, 65533 \}/);
    assert.match(stdout, /elements = \{ 169\.254\.169\.254 timeout 2s \}/);
    assert.match(stdout, /hook forward/);
    const allowing = await site.run(['lockdown', 'apply', ...args, '--containers', 'allow']);
    assert.doesNotMatch(allowing.stdout, /hook forward/);
    const forced = await site.run(['lockdown', 'apply', ...args, '--allow-user', 'no-such-user', '2']);
    assert.match(forced.stdout, /^left out: lockdown\.allow_users: no-such-user: expected a user/m);
    assert.match(forced.stdout, /elements = \{ 0, 1, 2, 65533 \}/);
  });

  const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['apply', '--for', '0s'], 64, /--for: expected a duration from 1s to 24h/],
    [['apply', '--for', '25h'], 64, /--for: expected a duration from 1s to 24h/],
    [['apply', '--containers', 'maybe'], 64, /choices are allow, deny/],
    [['apply', '--allow-user', '0 }; flush ruleset'], 64, /--allow-user: expected a name or a numeric id/],
    [
      ['apply', '--dry-run', '--allow-user', 'no-such-user'],
      78,
      /expected a user of this machine, got none of that name/,
    ],
    [['load'], 64, /unknown command/],
  ];
  for (const [args, expected, says] of wrong) {
    test(`refuses ${args.join(' ')}`, async (t) => {
      const site = await openSite(t);
      const option = args[0] === 'apply' ? site.configure({ sinks: [] }) : [];
      const { code, stderr } = await site.run(['lockdown', ...args, ...option]);
      assert.equal(code, expected, stderr);
      assert.match(stderr, says);
    });
  }
});
