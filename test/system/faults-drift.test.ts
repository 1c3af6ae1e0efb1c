import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import type { SinkStatus } from '../../src/report/schema.ts';
import { openSite, reportOf, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { makeHook, type Hook } from '../support/programs.ts';
import { assertCurrent } from '../faults/errors.ts';

const isRoot = process.getuid?.() === 0;

interface Scene {
  readonly site: Site;
  /** The sink that things happen to, of two. */
  readonly path: string;
  readonly hook: Hook;
  /** Has the running agent make a pass; gives its exit code and what became of the sink. */
  readonly pass: () => Promise<readonly [number | null, SinkStatus]>;
}

async function openScene(t: TestContext): Promise<Scene> {
  const site = await openSite(t);
  const path = site.path('out/iam.json');
  const hook = makeHook(t, site.path('hook'));
  const config = site.configure({
    sinks: [
      { path, format: 'json', notify: ['hook'] },
      { path: site.path('out/app.env'), format: 'dotenv' },
    ],
    consumers: { hook: { type: 'exec', command: hook.command } },
  });
  site.start(['run', ...config]);
  await eventually('the hook is notified', () => hook.calls().length === 1);
  return {
    site,
    path,
    hook,
    async pass() {
      const ended = await site.run(['refresh', '--json']);
      const outcome = reportOf(ended).sinks.find((sink) => sink.path === path);
      return [ended.code, outcome ?? assert.fail(ended.stdout)];
    },
  };
}

/** What may stand in a sink's place, how it gets there, and what it is called. */
const OBSTACLES: Readonly<Record<string, (path: string, t: TestContext) => void>> = {
  'a directory': (path) => {
    mkdirSync(path);
  },
  'a symlink': (path) => {
    writeFileSync(`${path}.target`, 'precious');
    symlinkSync('iam.json.target', path);
  },
  'a FIFO': (path) => {
    execFileSync('mkfifo', [path]);
  },
  'a device or socket': (path, t) => {
    if (isRoot) {
      execFileSync('mknod', [path, 'c', '1', '3']);
    } else {
      const server = createServer().listen(path);
      t.after(() => server.close());
    }
  },
};

describe('drift', { concurrency: 3 }, () => {
  test('a sink that was deleted or changed is repaired, and its consumer notified', async (t) => {
    const { site, path, hook, pass } = await openScene(t);
    rmSync(path);
    const [code, { result, drift }] = await pass();
    assert.deepEqual([code, result, drift], [0, 'repaired', ['missing']]);
    writeFileSync(path, 'something else');
    chmodSync(path, 0o644);
    const [, second] = await pass();
    assert.deepEqual([second.result, second.drift], ['repaired', ['bytes', 'mode']]);
    assertCurrent(site, ['iam.json']);
    assert.deepEqual(hook.calls(), ['first 1', 'changed 1', 'changed 1']);
  });

  test('its directory that was deleted is made again', async (t) => {
    const { site, hook, pass } = await openScene(t);
    rmSync(site.path('out'), { recursive: true });
    const [code, { drift }] = await pass();
    assert.deepEqual([code, drift], [0, ['missing']]);
    assertCurrent(site, ['iam.json', 'app.env']);
    assert.deepEqual(hook.calls(), ['first 1', 'changed 1']);
  });

  test('a mode or owner that was changed is repaired, and no consumer is notified', async (t) => {
    const { path, hook, pass } = await openScene(t);
    chmodSync(path, 0o666);
    if (isRoot) chownSync(path, 65_534, 65_534);
    const [code, { result, drift }] = await pass();
    assert.deepEqual([code, result], [0, 'repaired']);
    assert.deepEqual(drift, isRoot ? ['mode', 'owner'] : ['mode']);
    const { mode, uid } = lstatSync(path);
    assert.deepEqual([mode & 0o7777, uid], [0o600, process.getuid?.()]);
    assert.deepEqual(hook.calls(), ['first 1']);
  });

  for (const [what, put] of Object.entries(OBSTACLES)) {
    test(`a sink replaced by ${what} is refused, which stops nobody, and written when that is gone`, async (t) => {
      const { site, path, hook, pass } = await openScene(t);
      rmSync(path);
      put(path, t);
      site.metadata.rotate();
      const [code, { result, error }] = await pass();
      assert.deepEqual([code, result, error?.code], [77, 'refused', 'SINK_NOT_REGULAR']);
      assert.equal(error?.message, `${path}: expected a regular file, got ${what}`);
      assert.ok(!lstatSync(path).isFile());
      assertCurrent(site, ['app.env']);
      if (what === 'a symlink') assert.equal(readFileSync(`${path}.target`, 'utf8'), 'precious');
      assert.deepEqual(hook.calls(), ['first 1']);

      rmSync(path, { recursive: true });
      assert.equal((await pass())[0], 0);
      assertCurrent(site, ['iam.json']);
      assert.deepEqual(hook.calls(), ['first 1', 'changed 2']);
    });
  }
});
