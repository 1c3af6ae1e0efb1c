import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { openSite, reportOf, type Site } from '../support/agent.ts';
import { makeHook } from '../support/programs.ts';

interface Scene {
  readonly site: Site;
  readonly config: readonly string[];
  /** How often each was notified. */
  readonly calls: () => readonly number[];
}

/** Two profiles in one file of others, each with a consumer of its own, written once. */
async function written(t: TestContext): Promise<Scene> {
  const site = await openSite(t);
  const hooks = ['app', 'web'].map((name) => ({ name, hook: makeHook(t, site.path(name)) }));
  const path = site.path('credentials');
  writeFileSync(path, '[other]\nregion = x\n', { mode: 0o600 });
  const config = site.configure({
    sinks: hooks.map(({ name }) => ({ path, format: 'aws-credentials', profile: name, notify: [name] })),
    consumers: Object.fromEntries(hooks.map(({ name, hook }) => [name, { type: 'exec', command: hook.command }])),
    metrics: { textfile: site.path('agent.prom') },
  });
  assert.equal((await site.run(['once', ...config])).code, 0);
  return { site, config, calls: () => hooks.map(({ hook }) => hook.calls().length) };
}

describe('two sinks of one file', { concurrency: 3 }, () => {
  test('notify each its own consumers, of its own bytes', async (t) => {
    const { site, config, calls } = await written(t);
    assert.deepEqual(calls(), [1, 1]);
    const path = site.path('credentials');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace(/(\[web\]\naws_access_key_id = ).*/, '$1AKIAUSER000000000000'));
    const { code, stdout } = await site.run(['once', ...config]);
    assert.equal(code, 0);
    assert.ok(stdout.includes(`unchanged ${path} [app]\nrepaired  ${path} [web] (bytes that were changed at `), stdout);
    assert.deepEqual([readFileSync(path, 'utf8'), calls()], [text, [1, 2]]);
    site.metadata.rotate();
    assert.equal((await site.run(['once', ...config])).code, 0);
    assert.deepEqual(calls(), [2, 3]);
  });

  test('are two in the report, in the metrics and in the state', async (t) => {
    const { site, config } = await written(t);
    const path = site.path('credentials');
    const { sinks, consumers } = reportOf(await site.run(['once', '--json', ...config]));
    assert.partialDeepStrictEqual(sinks, [
      { path, part: '[app]', result: 'unchanged' },
      { path, part: '[web]', result: 'unchanged' },
    ]);
    assert.partialDeepStrictEqual(consumers, [{ sinks: [`${path} [app]`] }, { sinks: [`${path} [web]`] }]);
    const metrics = readFileSync(site.path('agent.prom'), 'utf8');
    for (const part of ['[app]', '[web]'])
      assert.ok(metrics.includes(`credrotate_sink_writes_total{path="${path}",part="${part}"} 1\n`), metrics);
    const state = JSON.parse(site.state()) as { readonly sinks: object };
    assert.deepEqual(Object.keys(state.sinks), [`${path} [app]`, `${path} [web]`]);
    const status = await site.run(['status']);
    assert.match(status.stdout, /\/credentials \[app\](.|\n)*\/credentials \[web\]/);
  });

  test('are forgotten one by one, and together by their path', async (t) => {
    const { site, config } = await written(t);
    const path = site.path('credentials');
    const one = await site.run(['forget', `${path} [app]`, ...config]);
    assert.deepEqual([one.code, one.stdout], [0, `forgotten ${path}\n`]);
    assert.match(readFileSync(path, 'utf8'), /^\[other\]\nregion = x\n\n\[web\]\naws_access_key_id/);
    assert.doesNotMatch(site.state(), /\[app\]/);
    assert.match(site.state(), /\[web\]/);
    assert.equal((await site.run(['once', ...config])).code, 0);
    writeFileSync(path, readFileSync(path, 'utf8').replace('[other]\nregion = x\n\n', ''));
    const both = await site.run(['forget', path, ...config]);
    assert.deepEqual([both.code, both.stdout], [0, `forgotten ${path} [app]\nremoved   ${path} [web]\n`]);
    assert.ok(!existsSync(path));
    assert.equal((await site.run(['forget', `${path} [none]`, ...config])).code, 64);
  });

  test('of which one is refused: the other is written, and only its consumer is notified', async (t) => {
    const { site, config, calls } = await written(t);
    const path = site.path('credentials');
    writeFileSync(path, '[web]\nrole_arn = x\n');
    site.metadata.rotate();
    const ended = await site.run(['once', '--json', ...config]);
    assert.equal(ended.code, 77);
    assert.partialDeepStrictEqual(reportOf(ended).sinks, [
      { part: '[app]', result: 'written' },
      { part: '[web]', result: 'refused', error: { code: 'SINK_FORMAT_REFUSED' } },
    ]);
    assert.ok(readFileSync(path, 'utf8').startsWith('[web]\nrole_arn = x\n\n[app]\naws_access_key_id'));
    assert.deepEqual(calls(), [2, 1]);
  });
});
