import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FileConfig, SourceConfig } from '../../src/core/config.ts';
import type { Fetched } from '../../src/core/contracts.ts';
import { asksInstance, createSources, sourcesInUse, type SourceTypes } from '../../src/source/registry.ts';
import { accountOfKey } from '../../src/source/trust.ts';
import { credentials, HOUR, NOON } from '../support/credentials.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { sourceDeps, usersOf } from '../support/sources.ts';
import { BACKUP, configOf, jsonSink } from '../support/topology.ts';

function gives(name: string, life = 6 * HOUR): Extract<Fetched, { ok: true }> {
  return { ok: true, credentials: credentials(name, { expiration: NOON + life }), origin: { role: name } };
}

describe('the registry', () => {
  const config = { ...configOf([{ ...jsonSink('/b'), source: 'backup' }]), sources: [BACKUP] };

  test('asks the instance only for those who use it', () => {
    assert.deepEqual(sourcesInUse(config), ['backup']);
    assert.deepEqual(sourcesInUse(configOf([])), ['instance']);
    assert.deepEqual(sourcesInUse(configOf([jsonSink('/a')])), ['instance']);
  });

  test('asks the instance for those who are based on it as well', () => {
    assert.equal(asksInstance(config), true);
    const pod: SourceConfig = { type: 'web_identity', name: 'pod', policyArns: [] };
    const chained = { ...config, sources: [pod, { ...BACKUP, from: 'pod' }] };
    assert.equal(asksInstance(chained), false);
    assert.equal(asksInstance({ ...chained, sinks: [] }), true);
  });

  test('refreshes a base that lives for less than five minutes first, and one that was refused', async () => {
    const clock = new FakeClock(NOON);
    const inner = { ...BACKUP, name: 'inner' };
    const outer = { ...BACKUP, name: 'outer', from: 'inner' };
    let calls = 0;
    let isRefused = false;
    const sources = createSources({ ...config, sources: [outer, inner] }, sourceDeps({ clock }), {
      assume_role: {
        isIssuer: true,
        load: () =>
          Promise.resolve(({ name }, { base }) => ({
            fetch: async (signal) => {
              if (name === 'outer') return await base.fetch(signal, isRefused);
              calls += 1;
              return gives(`K${calls}`, HOUR);
            },
          })),
      },
    });
    const { signal } = new AbortController();
    const source = sources('outer');
    assert.equal(source.isIssuer, true);
    await Promise.all([source.fetch(signal), sources('inner').fetch(signal)]);
    await source.fetch(signal);
    assert.equal(calls, 1);
    clock.advance(HOUR - 5 * 60_000 + 1);
    await source.fetch(signal);
    assert.equal(calls, 2);
    isRefused = true;
    await source.fetch(signal);
    assert.equal(calls, 3);
  });
});

/** Of the account 609629065308, as AWS made it, and of another one. */
const KEYS = { own: 'ASIAY34FZKBOKMUTVV7A', other: 'ASIA2XYZ7ABCDEFGHIJK' };

describe('whose word it is', () => {
  const { signal } = new AbortController();
  const users = usersOf({ app: 1001, backup: 1002 });

  /** A source that says this of itself. */
  function source(settings: Partial<FileConfig>, told: Partial<Extract<Fetched, { ok: true }>> = {}) {
    const own: FileConfig = { type: 'file', name: 'app', path: '/x', format: 'json', profile: '', ...settings };
    const fetched: Fetched = { ...gives('K'), origin: { user: 1001 }, ...told };
    const types: SourceTypes = {
      file: {
        interval: 7,
        load: () =>
          Promise.resolve(() => ({ fetch: () => Promise.resolve(fetched), user: () => Promise.resolve(1001) })),
      },
    };
    const deps = sourceDeps({ users, self: { uid: 0, gid: 0 } });
    return createSources({ ...configOf([]), sources: [own] }, deps, types)('app');
  }

  async function userOf(settings: Partial<FileConfig>): Promise<readonly (number | undefined)[]> {
    const one = source(settings);
    const fetched = await one.fetch(signal);
    return [fetched.ok ? fetched.origin.user : assert.fail(), await one.user?.(signal)];
  }

  test("is the user's who decides it, unless the configuration trusts that very user", async () => {
    assert.deepEqual(await userOf({}), [1001, 1001]);
    assert.deepEqual(await userOf({ trustedUser: 'app' }), [undefined, undefined]);
    assert.deepEqual(await userOf({ trustedUser: 1001 }), [undefined, undefined]);
    for (const trustedUser of ['backup', 'nobody-at-all'])
      assert.deepEqual(await userOf({ trustedUser }), [1001, 1001]);
    assert.equal(source({}).interval, 7);
  });

  test('says the account of its key, and of nothing else that a user says', async () => {
    const key = (accessKeyId: string, accountId?: string) => {
      const made = { ...gives('K').credentials, accessKeyId };
      return { credentials: accountId === undefined ? made : { ...made, accountId } };
    };
    const account = async (expectAccount: string, told: ReturnType<typeof key>, more: Partial<FileConfig> = {}) => {
      const fetched = await source({ expectAccount, ...more }, told).fetch(signal);
      return fetched.ok ? 'ok' : fetched.error.message;
    };
    assert.equal(await account('609629065308', key(KEYS.own)), 'ok');
    assert.match(
      await account('609629065308', key(KEYS.other, '609629065308')),
      /of the account 609629065308, got those of \d{12}$/,
    );
    assert.match(
      await account('609629065308', key('ASIAEXAMPLE', '609629065308')),
      /got some of which nobody says so$/,
    );
    const trusted = { trustedUser: 'app' };
    assert.equal(await account('609629065308', key('ASIAEXAMPLE', '609629065308'), trusted), 'ok');
    assert.match(await account('609629065308', key('ASIAEXAMPLE'), trusted), /nobody says so$/);
  });

  for (const [id, account] of [
    [KEYS.own, '609629065308'],
    ['AKIAIOSFODNN7EXAMPLE', undefined],
    ['ASIAEXAMPLE', undefined],
    ['LSIAQNZGKIQY56JQ7WML', undefined],
  ] as const)
    test(`the key id ${id} is of ${account ?? 'an account that it does not tell'}`, () => {
      assert.equal(accountOfKey(id), account);
    });
});
