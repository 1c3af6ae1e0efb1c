import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openSite, said, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { listenForReadiness } from '../support/notify-socket.ts';
import { makeHook } from '../support/programs.ts';

function isStopped(pid: number | undefined): boolean {
  return /^State:\s*T/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
}

/** True when so many milliseconds have gone by: to see that meanwhile something did not happen. */
function after(milliseconds: number): () => boolean {
  const end = Date.now() + milliseconds;
  return () => Date.now() > end;
}

function env(site: Site): Record<string, string> {
  return { NOTIFY_SOCKET: site.path('notify') };
}

const NO_ROLE = 'STATUS=CRITICAL - credentials: there are none yet for ';

describe('a service manager', { concurrency: 2 }, () => {
  test('hears of a reload, and of its end before any consumer is notified', async (t) => {
    const site = await openSite(t);
    const messages = listenForReadiness(t, site.path('notify'));
    const hook = makeHook(t, site.path('hook'));
    const sinks = ['a.json', 'b.json'].map((name) => ({ path: site.path(name), format: 'json', notify: ['web'] }));
    const consumers = { web: { type: 'exec', command: hook.command } };
    const agent = site.start(['run', ...site.configure({ sinks: sinks.slice(0, 1), consumers })], { env: env(site) });
    await eventually('it is ready and has notified', () => messages().includes('READY=1') && hook.calls().length === 1);
    hook.close();
    site.configure({ sinks, consumers });
    const now = process.hrtime.bigint() / 1000n;
    agent.process.kill('SIGHUP');
    const isReload = (message: string): boolean => message.startsWith('RELOADING=1');
    const reload = (): readonly string[] => messages().slice(Math.max(0, messages().findIndex(isReload)));
    await eventually('it is ready again', () => messages().some(isReload) && reload().includes('READY=1'));
    assert.ok(existsSync(site.path('b.json')));
    const [reloading = ''] = reload();
    const since = BigInt(/^MONOTONIC_USEC=(\d+)$/m.exec(reloading)?.[1] ?? 0);
    assert.ok(since >= now && since < now + 60_000_000n, `${since} is of the kernel's clock, soon after ${now}`);
    hook.open();
    await eventually('the hook was notified', () => hook.calls().length === 2);
    assert.equal((await agent.stop()).code, 0);
    assert.equal(messages().filter((one) => one === 'READY=1').length, 2);
  });

  test('hears that a configuration was refused, and when it is right again', async (t) => {
    const site = await openSite(t);
    const messages = listenForReadiness(t, site.path('notify'));
    const right = { sinks: [{ path: site.path('a.json'), format: 'json' }] };
    const agent = site.start(['run', ...site.configure(right)], { env: env(site) });
    await eventually('it is ready', () => messages().includes('READY=1'));
    site.configure('sinks: {');
    agent.process.kill('SIGHUP');
    const refused = /^STATUS=WARNING - \S+\/c\.yaml: invalid on disk for .* \(\S+\/c\.yaml:\d+:\d+: /;
    await eventually('it says so', () => refused.test(messages().at(-2) ?? '') && messages().at(-1) === 'READY=1');
    site.configure(right);
    agent.process.kill('SIGHUP');
    await eventually('it says so', () => (messages().at(-2) ?? '').startsWith('STATUS=OK - 1 sink up to date'));
  });

  // Cause: READY=1 at the end of the reload would have been taken for the end of the start.
  test('does not take a reload during the start for its end', async (t) => {
    const site = await openSite(t, { role: null });
    const messages = listenForReadiness(t, site.path('notify'));
    const config = site.configure({ sinks: [{ path: site.path('a.json'), format: 'json' }] });
    const agent = site.start(['run', ...config], { env: env(site) });
    await eventually('it waits for a role', () => messages().some((one) => one.startsWith(NO_ROLE)));
    const before = messages().length;
    agent.process.kill('SIGHUP');
    await said(agent, /configuration read again/);
    await eventually('it has made its pass', () => messages().length > before);
    assert.equal((await agent.stop()).code, 0);
    assert.doesNotMatch(messages().join('\n'), /READY|RELOADING/);
  });

  test('hears from the one that it watches, and from nobody else', async (t) => {
    const site = await openSite(t);
    const messages = listenForReadiness(t, site.path('notify'));
    const config = site.configure({ sinks: [{ path: site.path('a.json'), format: 'json' }] });
    const watch = { ...env(site), WATCHDOG_USEC: '200000' };
    const pings = (): number => messages().filter((one) => one === 'WATCHDOG=1').length;
    const agent = site.start(['run', ...config], { env: watch });
    await eventually('it is alive', () => pings() > 2 && messages().includes('READY=1'));
    agent.process.kill('SIGSTOP');
    await eventually('it was stopped', () => isStopped(agent.process.pid));
    const stopped = pings();
    await eventually('a second went by', after(1000));
    assert.equal(pings(), stopped);
    agent.process.kill('SIGCONT');
    assert.equal((await agent.stop()).code, 0);
    const last = pings();
    const other = site.start(['run', ...config], { env: { ...watch, WATCHDOG_PID: '1' } });
    await eventually('it is ready', () => messages().filter((one) => one === 'READY=1').length === 2);
    await eventually('a second went by', after(1000));
    assert.equal((await other.stop()).code, 0);
    assert.equal(pings(), last);
  });

  test('hears from a one-shot that the files stand, if asked to, before any consumer is notified', async (t) => {
    const site = await openSite(t);
    const messages = listenForReadiness(t, site.path('notify'));
    const hook = makeHook(t, site.path('hook'));
    hook.close();
    const config = site.configure({
      sinks: [{ path: site.path('a.json'), format: 'json', notify: ['web'] }],
      consumers: { web: { type: 'exec', command: hook.command } },
    });
    const once = site.start(['once', '--sd-notify', ...config], { env: env(site) });
    await eventually('it is ready', () => messages().includes('READY=1'));
    assert.ok(existsSync(site.path('a.json')));
    await eventually('the hook is called', () => hook.calls().length === 1);
    hook.open();
    assert.equal((await once.ended).code, 0);
    const heard = messages().length;
    assert.equal((await site.run(['once', ...config], { env: env(site) })).code, 0);
    site.metadata.setRole(null);
    rmSync(site.path('a.json'));
    assert.equal((await site.run(['once', '--sd-notify', ...config], { env: env(site) })).code, 75);
    assert.equal(messages().length, heard);
  });
});
