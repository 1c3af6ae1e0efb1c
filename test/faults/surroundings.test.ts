import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openSite, reportOf, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { makeHook } from '../support/programs.ts';
import { assertCurrent, statusOf } from './errors.ts';
import { openShim } from './shim.ts';

function oneSink(site: Site): { sinks: object[] } {
  return { sinks: [{ path: site.path('out/iam.json'), format: 'json', mode: '0640', notify: ['hook'] }] };
}

/** Starts a program by a shell that does something first. */
const after = (what: string): readonly string[] => ['/bin/sh', '-c', `${what}; exec "$@"`, 'sh'];

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

describe('surroundings', { concurrency: 3 }, () => {
  for (const umask of ['000', '077']) {
    test(`an umask of ${umask} opens nothing and closes nothing`, async (t) => {
      const site = await openSite(t);
      const hook = makeHook(t, site.path('hook'));
      const consumers = { hook: { type: 'exec', command: hook.command } };
      const env = { STATE_DIRECTORY: site.path('made/state'), RUNTIME_DIRECTORY: site.path('made/run') };
      const config = site.configure({ ...oneSink(site), consumers });
      site.start(['run', ...config], { env, through: after(`umask ${umask}`) });
      await eventually('the hook is told', () => hook.calls().length === 1);
      assert.deepEqual([modeOf(site.path('out')), modeOf(site.path('out/iam.json'))], ['750', '640']);
      const kept = ['state', 'state/lock', 'state/state.json', 'run/status.json', 'run/control.sock'];
      const modes = kept.map((name) => modeOf(site.path(`made/${name}`)));
      assert.deepEqual(modes, ['700', '600', '600', '644', '600']);
    });
  }

  test('200 sinks are written with 128 file descriptors', async (t) => {
    const site = await openSite(t);
    const names = Array.from({ length: 200 }, (_, index) => `${String(index)}.json`);
    const config = site.configure({
      sinks: names.map((name) => ({ path: site.path(`out/${name}`), format: 'json' })),
    });
    const { code, stdout } = await site.run(['once', ...config], { through: after('ulimit -n 128') });
    assert.equal(code, 0, stdout);
    assertCurrent(site, names);
    assert.deepEqual(readdirSync(site.path('out')).sort(), names.sort());
  });

  test('a state directory that is full costs the memory, and no more', async (t) => {
    const suffer = await openShim(t);
    if (!suffer) return;
    const site = await openSite(t);
    const hook = makeHook(t, site.path('hook'));
    const config = site.configure({ ...oneSink(site), consumers: { hook: { type: 'exec', command: hook.command } } });
    const env = suffer({ fail: { call: 'write', errno: 'ENOSPC', part: '/state/state.json.' } });
    const full = await site.run(['once', '--json', ...config], { env });
    assert.deepEqual([full.code, reportOf(full).consumers[0]?.result], [73, 'notified']);
    assertCurrent(site, ['iam.json']);
    assert.deepEqual(
      statusOf(site).errors.map(({ code, message }) => `${code} ${message}`),
      [`STATE_UNWRITABLE ${site.path('state/state.json')}: cannot be written: ENOSPC on write`],
    );
    assert.deepEqual(readdirSync(site.path('state')), ['lock']);

    assert.equal((await site.run(['once', ...config])).code, 0);
    assert.deepEqual(statusOf(site).errors, []);
    assert.deepEqual(hook.calls(), ['first 1'], 'the file is the same, so there is nothing to tell');
  });

  for (const [what, text] of [
    ['torn', '{"version": 1, "generation": 3, "ori'],
    ['empty', ''],
    ['from a newer version', '{"version": 2, "generation": 3}'],
    ['foreign', '[]'],
  ] as const) {
    test(`a state that is ${what} is set aside, and all starts anew`, async (t) => {
      const site = await openSite(t);
      const hook = makeHook(t, site.path('hook'));
      const config = site.configure({ ...oneSink(site), consumers: { hook: { type: 'exec', command: hook.command } } });
      writeFileSync(site.path('state/state.json'), text);
      const { code, stderr } = await site.run(['once', ...config]);
      assert.equal(code, 0, stderr);
      const aside = /set aside as (\S+\.unusable-\d+); starting anew/.exec(stderr)?.[1] ?? assert.fail(stderr);
      assert.equal(readFileSync(aside, 'utf8'), text);
      assertCurrent(site, ['iam.json']);
      assert.deepEqual(hook.calls(), ['first 1']);
      assert.match(site.state(), /"generation": 1,/);
    });
  }
});
