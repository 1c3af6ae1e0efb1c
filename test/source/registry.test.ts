import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SourceConfig } from '../../src/core/config.ts';
import type { Fetched } from '../../src/core/contracts.ts';
import { createSources, sourcesInUse } from '../../src/source/registry.ts';
import { credentials, HOUR, NOON } from '../support/credentials.ts';
import { FakeClock } from '../support/fake-clock.ts';
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

  test('refreshes a base that lives for less than five minutes first, and one that was refused', async () => {
    const clock = new FakeClock(NOON);
    const inner: SourceConfig = { ...BACKUP, name: 'inner' };
    const outer: SourceConfig = { ...BACKUP, name: 'outer', from: 'inner' };
    let calls = 0;
    let isRefused = false;
    const sources = createSources(
      { ...config, sources: [outer, inner] },
      {
        http: { request: () => assert.fail(), close: () => Promise.resolve() },
        makeHttp: () => assert.fail(),
        clock,
        env: {},
      },
      {
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
      },
    );
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
