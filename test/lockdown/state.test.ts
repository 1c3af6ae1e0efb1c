import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { LockdownConfig } from '../../src/core/config.ts';
import type { LockdownState } from '../../src/lockdown/rules.ts';
import { readLockdown } from '../../src/lockdown/state.ts';
import { createCommands } from '../../src/system/commands.ts';
import { createUsers } from '../../src/host/users.ts';
import { fakeHost } from '../support/fake-tool-consumer.ts';

/** As nft 1.0.6 lists a trial: root and 65533 allowed, containers not. */
const LISTING = readFileSync(join(import.meta.dirname, 'fixtures/trial.json'), 'utf8');
/** The same, without its end. */
const LASTING = LISTING.replaceAll(/\{\s*"elem": \{\s*"val": ("[^"]+"),[^}]*\}\s*\}/g, '$1');
const WISH: LockdownConfig = { allowUsers: [65_533], containers: 'deny' };
const RULES = { users: [0, 65_533], containers: 'deny' };

interface Machine {
  /** What nft does, as a script. */
  readonly nft?: string;
  readonly systemctl?: string;
  readonly wish?: LockdownConfig;
}

async function read(t: TestContext, { nft, systemctl = 'exit 3', wish = WISH }: Machine): Promise<LockdownState> {
  const { host, directory, install } = fakeHost(t);
  if (nft !== undefined) install('nft', nft);
  install('systemctl', systemctl);
  const commands = createCommands();
  const deps = { commands, users: createUsers({ commands }), host: { ...host, path: directory } };
  return await readLockdown(deps, wish);
}

/** Says it as nft does, without a program of the host's. */
function says(listing: string): string {
  return `while IFS= read -r line; do echo "$line"; done <<'END'\n${listing}\nEND`;
}

const ABSENT = `echo 'Error: No such file or directory' >&2; exit 1`;

describe('the rules that are loaded', () => {
  test('are on, and those of the configuration', async (t) => {
    assert.deepEqual(await read(t, { nft: says(LASTING) }), { state: 'on', rules: RULES, refused: [] });
  });

  test('are a trial, whatever the configuration says', async (t) => {
    const wish: LockdownConfig = { allowUsers: [], containers: 'allow' };
    const state = await read(t, { nft: says(LISTING), wish });
    assert.deepEqual(state, { state: 'on', rules: RULES, rollbackIn: 119_000, refused: [] });
  });

  test('close the addresses of container roles where they are configured, and are others where they do not', async (t) => {
    const closing = LASTING.replace('"169.254.169.254"', '"169.254.169.254", "169.254.170.2"');
    const addresses = ['169.254.170.2'];
    const { state, rules } = await read(t, { nft: says(closing), wish: { ...WISH, addresses } });
    assert.deepEqual([state, rules], ['on', { ...RULES, addresses }]);
    const extra = await read(t, { nft: says(closing) });
    assert.equal(extra.reason, 'the table closes 169.254.170.2, unlike the configuration');
    const lacking = await read(t, { nft: says(LASTING), wish: { ...WISH, addresses } });
    assert.equal(lacking.reason, 'the table does not close 169.254.170.2, unlike the configuration');
    const foreign = await read(t, { nft: says(closing.replace('170.2"', '171.2"')) });
    assert.equal(foreign.reason, 'somebody changed the rules of our table');
  });

  /** Seen in other versions, or allowed by the schema of nft's JSON. */
  const alike: Readonly<Record<string, readonly [string | RegExp, string]>> = {
    'TCP by its name': ['"right": 6', '"right": "tcp"'],
    'one flag without a list': [/"flags": \[\s*"timeout"\s*\]/g, '"flags": "timeout"'],
    'TCP left out where a reset says it': [
      /\{\s*"match": \{\s*"op": "==",\s*"left": \{\s*"meta": \{\s*"key": "l4proto"\s*\}\s*\},\s*"right": 6\s*\}\s*\},\s*(?=\{\s*"reject")/,
      '',
    ],
    'users in another order': [/0,\s*65533/, '65533, 0'],
  };
  for (const [name, [from, to]] of Object.entries(alike)) {
    test(`are the same with ${name}`, async (t) => {
      const listing = typeof from === 'string' ? LASTING.replaceAll(from, to) : LASTING.replace(from, to);
      assert.notEqual(listing, LASTING);
      assert.equal((await read(t, { nft: says(listing) })).state, 'on');
    });
  }

  const changed: Readonly<Record<string, readonly [string | RegExp, string, RegExp]>> = {
    'another user': ['65533', '65533, 1000', /allows 1000, unlike/],
    'one user less': [/0,\s*65533/, '0', /does not allow 65533, unlike/],
    'a user by name': ['65533', '"nobody"', /somebody changed/],
    'a switched off table': ['"name": "credrotate_lockdown"', '"name": "x", "flags": "dormant"', /somebody changed/],
    'another refusal': ['"tcp reset"', '"icmpx"', /somebody changed/],
    'another protocol': ['"right": 6', '"right": 17', /somebody changed/],
    'another hook': ['"hook": "forward"', '"hook": "input"', /somebody changed/],
    'one address gone': ['"fd00:ec2::254"', '', /somebody changed/],
    'another address': ['169.254.169.254', '169.254.169.253', /somebody changed/],
  };
  for (const [name, [from, to, reason]] of Object.entries(changed)) {
    test(`drifted with ${name}`, async (t) => {
      const listing = LASTING.replace(from, to);
      assert.notEqual(listing, LASTING);
      const state = await read(t, { nft: says(listing) });
      assert.equal(state.state, 'drifted');
      assert.match(state.reason ?? '', reason);
    });
  }

  test('are off once both addresses are gone', async (t) => {
    const listing = LASTING.replace('"169.254.169.254"', '').replace('"fd00:ec2::254"', '');
    const state = await read(t, { nft: says(listing) });
    assert.deepEqual([state.state, state.reason], ['off', 'the trial is over, and was not confirmed']);
  });

  test('are off without a table, and drifted where the unit is active or enabled', async (t) => {
    assert.deepEqual(await read(t, { nft: ABSENT }), { state: 'off', refused: [] });
    for (const [answer, reason] of [
      ['is-active', /its table is gone/],
      ['is-enabled', /enabled, but not active/],
    ] as const) {
      const asked = `case $* in *"--quiet ${answer} credrotate-lockdown.service") exit 0;; *) exit 3;; esac`;
      const state = await read(t, { nft: ABSENT, systemctl: asked });
      assert.equal(state.state, 'drifted');
      assert.match(state.reason ?? '', reason);
    }
  });

  // Cause: with a package its user goes. At the next boot the rules were left out for that, and everybody was let in.
  test('are on without a user who is not there, and say so', async (t) => {
    const wish: LockdownConfig = { ...WISH, allowUsers: [65_533, 'no-such-user'] };
    const { state, rules, reason = '' } = await read(t, { nft: says(LASTING), wish });
    assert.deepEqual([state, rules], ['on', RULES]);
    assert.match(reason, /^lockdown\.allow_users: no-such-user: expected a user of this machine/);
  });

  const unknown: Readonly<Record<string, readonly [Machine, RegExp]>> = {
    'nft is missing': [{}, /expected the program, got none.*apt install nftables/],
    'the rights are missing': [
      { nft: `echo 'Operation not permitted (you must be root)' >&2; exit 1` },
      /run it as root/,
    ],
    'nft fails': [{ nft: `echo 'Error: no \\033[31m kernel' >&2; exit 1` }, /exit code 1: Error: no \\u\{1b\}/],
    'nft says something else': [{ nft: 'echo {}' }, /expected a table as JSON/],
  };
  for (const [name, [machine, reason]] of Object.entries(unknown)) {
    test(`are unknown where ${name}`, async (t) => {
      const state = await read(t, machine);
      assert.equal(state.state, 'unknown');
      assert.match(state.reason ?? '', reason);
    });
  }
});
