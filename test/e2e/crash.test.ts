import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openSite, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { makeHook, startDaemon } from '../support/programs.ts';

function isPending(site: Site): boolean {
  return site.state().includes('"pending"');
}

describe('killed between the files and the telling', { concurrency: 2 }, () => {
  test('a hook that was under way is called again, and then no more', async (t) => {
    const site = await openSite(t);
    const hook = makeHook(t, site.path('hook'));
    const path = site.path('iam.json');
    const config = site.configure({
      sinks: [{ path, format: 'json', notify: ['hook'] }],
      consumers: { hook: { type: 'exec', command: hook.command } },
    });
    hook.close();
    const first = site.start(['run', ...config]);
    await eventually('the hook is at work', () => hook.calls().length === 1);
    assert.match(readFileSync(path, 'utf8'), new RegExp(site.metadata.current().accessKeyId));
    await first.stop('SIGKILL');
    assert.ok(isPending(site));
    hook.open();

    const second = site.start(['run', ...config]);
    await eventually('the hook has been called again', () => hook.calls().length === 2 && !isPending(site));
    await second.stop('SIGKILL');
    assert.equal((await site.run(['once', ...config])).code, 0);
    assert.deepEqual(hook.calls(), ['first 1', 'first 1']);
  });

  test('a signal that was not sent yet is sent once', async (t) => {
    const site = await openSite(t);
    const daemon = await startDaemon(t, site.path('legacy'), false);
    const config = site.configure({
      sinks: [{ path: site.path('iam.json'), format: 'json', notify: ['legacy'] }],
      consumers: { legacy: { type: 'signal', pid_file: daemon.pidFile } },
    });
    const first = site.start(['run', ...config]);
    await eventually('a first attempt', () => /"attempts": [1-9]/.test(site.state()));
    await first.stop('SIGKILL');
    await daemon.arm();
    assert.equal(daemon.notifications(), 0);

    const second = site.start(['run', ...config]);
    await eventually('it is notified', () => daemon.notifications() === 1 && !isPending(site));
    await second.stop('SIGKILL');
    assert.equal((await site.run(['once', ...config])).code, 0);
    assert.equal(daemon.notifications(), 1);
  });
});
