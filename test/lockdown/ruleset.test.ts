import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { resolveRules, type LockdownDeps } from '../../src/lockdown/rules.ts';
import { confirming, loading } from '../../src/lockdown/table.ts';

const CHOICES = ['allow', 'deny'] as const;

/** A machine on which every user is there, with ids of the test's choice. */
function machine(idOf: (user: string | number) => number): LockdownDeps {
  const never = (): Promise<never> => Promise.reject(new Error('not asked'));
  return {
    commands: { run: never },
    users: { user: (user) => Promise.resolve({ uid: idOf(user), gid: 0 }), group: never, isMember: never },
  };
}

describe('the rules', () => {
  test('hold nothing that a user chose but numbers', async () => {
    const user = fc.oneof(fc.string(), fc.constantFrom('0 }; flush ruleset', '$(id)', '@users', '*'), fc.nat());
    const wish = fc.record({ allowUsers: fc.array(user), containers: fc.constantFrom(...CHOICES) });
    const trial = fc.option(fc.integer({ min: 1000, max: 86_400_000 }), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(wish, trial, fc.integer({ min: 1, max: 0xfffffffe }), async (config, time, id) => {
        const { rules } = await resolveRules(
          machine(() => id),
          config,
        );
        const text = loading(rules, time);
        const users = config.allowUsers.length === 0 ? '0' : `0, ${String(id)}`;
        const timeout = time === undefined ? '' : ` timeout ${String(Math.ceil(time / 1000))}s`;
        const plain = loading({ users: [0], containers: config.containers });
        const expected = plain
          .replace('elements = { 0 }', `elements = { ${users} }`)
          .replace('{ 169.254.169.254 }', `{ 169.254.169.254${timeout} }`)
          .replace('{ fd00:ec2::254 }', `{ fd00:ec2::254${timeout} }`);
        assert.equal(text, expected);
      }),
    );
  });

  test('are written out here once', () => {
    assert.equal(
      loading({ users: [0, 998], containers: 'deny' }, 299_500),
      `table inet credrotate_lockdown
delete table inet credrotate_lockdown
table inet credrotate_lockdown {
  set endpoints4 {
    type ipv4_addr; flags timeout;
    elements = { 169.254.169.254 timeout 300s }
  }
  set endpoints6 {
    type ipv6_addr; flags timeout;
    elements = { fd00:ec2::254 timeout 300s }
  }
  set users {
    type uid;
    elements = { 0, 998 }
  }
  set refused {
    type uid; size 1024; flags dynamic,timeout; timeout 1d;
  }
  chain output {
    type filter hook output priority 0; policy accept;
    ip daddr @endpoints4 meta l4proto tcp meta skuid != @users jump refuse
    ip6 daddr @endpoints6 meta l4proto tcp meta skuid != @users jump refuse
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ip daddr @endpoints4 meta l4proto tcp jump refuse
    ip6 daddr @endpoints6 meta l4proto tcp jump refuse
  }
  chain refuse {
    update @refused { meta skuid }
    meta l4proto tcp reject with tcp reset
  }
}
`,
    );
  });

  test('close the addresses of container roles where a source asks for one, and a trial of them can last', async () => {
    const addresses = ['169.254.170.2', '169.254.170.23', 'fd00:ec2::23'];
    const { rules } = await resolveRules(
      machine(() => 998),
      { allowUsers: [], containers: 'allow', addresses },
    );
    const text = loading(rules, 60_000);
    assert.match(
      text,
      /\{ 169\.254\.169\.254 timeout 60s, 169\.254\.170\.2 timeout 60s, 169\.254\.170\.23 timeout 60s \}/,
    );
    assert.match(text, /\{ fd00:ec2::254 timeout 60s, fd00:ec2::23 timeout 60s \}/);
    assert.match(
      confirming(rules),
      /^add .* endpoints4 \{ 169\.254\.169\.254, 169\.254\.170\.2, 169\.254\.170\.23 \}$/m,
    );
    assert.match(confirming(rules), /^add .* endpoints6 \{ fd00:ec2::254, fd00:ec2::23 \}$/m);
  });

  test('always have root, each user once, in order', async () => {
    const ids: Readonly<Record<string, number>> = { cwagent: 998, again: 998, root: 0 };
    const { rules } = await resolveRules(
      machine((user) => ids[user] ?? Number(user)),
      { allowUsers: [1001, 'cwagent', 'again', 'root'], containers: 'allow' },
    );
    assert.deepEqual(rules, { users: [0, 998, 1001], containers: 'allow' });
  });
});
