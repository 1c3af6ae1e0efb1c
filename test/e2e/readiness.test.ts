import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openSite } from '../support/agent.ts';
import { limit } from '../support/limits.ts';
import { eventually } from '../support/eventually.ts';
import { listenForReadiness } from '../support/notify-socket.ts';
import { makeHook } from '../support/programs.ts';

describe('readiness', { concurrency: 2 }, () => {
  // Cause: a unit that is ordered after ours cannot be reloaded while its service manager waits for us.
  test('comes when the files stand, and before any consumer is notified', async (t) => {
    const site = await openSite(t);
    const messages = listenForReadiness(t, site.path('notify'));
    const hook = makeHook(t, site.path('hook'));
    hook.close();
    const config = site.configure({
      sinks: [{ path: site.path('iam.json'), format: 'json', notify: ['web'] }],
      consumers: { web: { type: 'exec', command: hook.command } },
    });
    const agent = site.start(['run', ...config], { env: { NOTIFY_SOCKET: site.path('notify') } });
    await eventually('it is ready', () => messages().includes('READY=1'));
    assert.ok(existsSync(site.path('iam.json')));
    assert.equal((await agent.stop()).code, 0);
    const said = messages().map((message) => message.split('=')[0]);
    assert.deepEqual(said, ['EXTEND_TIMEOUT_USEC', 'STATUS', 'READY', 'STOPPING']);
  });

  test('comes after startup_wait without a role, so that the boot goes on', async (t) => {
    const site = await openSite(t, { role: null });
    const messages = listenForReadiness(t, site.path('notify'));
    const config = site.configure({
      sinks: [{ path: site.path('iam.json'), format: 'json' }],
      startup_wait: `${limit(1)}s`,
    });
    const agent = site.start(['run', ...config], { env: { NOTIFY_SOCKET: site.path('notify') } });
    await eventually('it is ready', () => messages().includes('READY=1'));
    const ready = messages().indexOf('READY=1');
    assert.equal(
      messages()
        .slice(0, ready)
        .some((one) => one.startsWith('STATUS=CRITICAL - credentials: there are none yet ')),
      true,
    );
    assert.equal(existsSync(site.path('iam.json')), false);
    site.metadata.setRole('late');
    await eventually('the sink stands', () =>
      messages().some((one) => one.startsWith('STATUS=OK - 1 sink up to date')),
    );
    assert.equal((await agent.stop()).code, 0);
    assert.equal(messages().filter((one) => one === 'READY=1').length, 1);
  });
});
