import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { SystemdConsumer } from '../../src/core/config.ts';
import type { NotifyRequest } from '../../src/notify/contract.ts';
import { readBootTime } from '../../src/system/boot-time.ts';
import type { Outcome } from '../../src/core/prospect.ts';
import { notifyAndWatch, realDeps, requestFor, startHupPrinter, startSleep, until } from '../support/consumer.ts';
import { fakeHost } from '../support/fake-tool-consumer.ts';
import { limit } from '../support/limits.ts';
import { brief } from './harness.ts';

type Unit = Readonly<Record<string, string | number>>;

interface Site {
  readonly notify: (consumer?: Partial<SystemdConsumer>, request?: Partial<NotifyRequest>) => Promise<Outcome>;
  /** Calls of systemctl beside `show`. */
  readonly actions: () => readonly string[];
  readonly calls: () => readonly string[];
}

/** Active for long and able to reload. */
const ACTIVE: Unit = { LoadState: 'loaded', ActiveState: 'active', CanReload: 'yes', MainPID: 0 };
const MICROSECONDS = 1000;

/** A host whose systemctl knows one unit and ends its actions with `code`. */
function makeSite(context: TestContext, unit: Unit, code = 0): Site {
  const { host, directory, install, calls } = fakeHost(context);
  const properties = { InactiveExitTimestampMonotonic: 1, ...ACTIVE, ...unit };
  const lines = Object.entries(properties).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(directory, 'unit'), lines.join(''));
  install('systemctl', `echo "$@" >>$DIR/log\ncase $* in *" show "*) cat $DIR/unit;; *) exit ${code};; esac`);
  return {
    notify: async (consumer, request) => {
      const whole: SystemdConsumer = {
        name: 'app',
        type: 'systemd',
        when: 'changed',
        unit: 'app.service',
        action: 'try-reload-or-restart',
        signal: 'SIGHUP',
        handlesSignal: false,
        ...consumer,
      };
      return await notifyAndWatch(realDeps({ host }), requestFor(whole, request), AbortSignal.timeout(limit(20_000)));
    },
    actions: () => calls().filter((call) => !call.includes(' show ')),
    calls,
  };
}

describe('a unit', () => {
  for (const [action, verb] of [
    ['try-reload-or-restart', 'try-reload-or-restart'],
    ['reload', 'reload'],
    ['restart', 'try-restart'],
  ] as const) {
    test(`is notified by ${verb}`, async (t) => {
      const site = makeSite(t, {});
      assert.deepEqual(await site.notify({ action }), { result: 'notified', detail: `systemctl ${verb} app.service` });
      assert.deepEqual(site.actions(), [`--no-ask-password --no-pager ${verb} -- app.service`]);
    });
  }

  test('cannot be taken for an option', async (t) => {
    const site = makeSite(t, {});
    await site.notify({ unit: '--force' });
    for (const call of site.calls()) assert.match(call, / -- --force$/);
  });

  for (const [what, unit, noRestartBefore, result] of [
    ['waits where it would be restarted too early', { CanReload: 'no' }, Date.now() + 60_000, 'scheduled'],
    ['is restarted when that time has come', { CanReload: 'no' }, Date.now() - 1, 'notified'],
    ['is reloaded at any time', { CanReload: 'yes' }, Date.now() + 60_000, 'notified'],
  ] as const) {
    test(what, async (t) => {
      const site = makeSite(t, unit);
      assert.equal((await site.notify({ when: 'auto' }, { noRestartBefore })).result, result);
      assert.equal(site.actions().length, result === 'notified' ? 1 : 0);
    });
  }

  for (const state of ['inactive', 'failed']) {
    test(`that is ${state} is left alone`, async (t) => {
      const site = makeSite(t, { ActiveState: state });
      assert.deepEqual(await site.notify(), { result: 'not_running', detail: `app.service is ${state}` });
      assert.deepEqual(site.actions(), []);
    });
  }

  for (const state of ['activating', 'deactivating']) {
    test(`that is ${state} may be waiting for us, and is notified later`, async (t) => {
      const site = makeSite(t, { ActiveState: state });
      assert.equal(brief(await site.notify()), 'CONSUMER_FAILED later');
      assert.deepEqual(site.actions(), []);
    });
  }

  test('that does not exist is a mistake', async (t) => {
    const site = makeSite(t, { LoadState: 'not-found', ActiveState: 'inactive' });
    const result = await site.notify();
    assert.equal(brief(result), 'CONSUMER_FAILED refused');
    assert.match(JSON.stringify(result), /expected a unit, got none of that name/);
  });

  test('that started after the change, in this boot or a later one, has nothing to be notified', async (t) => {
    const changedAt = { ...readBootTime(), sinceBoot: 10_000_000 };
    const after = makeSite(t, { InactiveExitTimestampMonotonic: 10_000_011 * MICROSECONDS });
    assert.equal(brief(await after.notify({}, { changedAt })), 'started_since');
    assert.equal(brief(await after.notify({}, { changedAt: { ...changedAt, bootId: 'another' } })), 'started_since');
    assert.deepEqual(after.actions(), []);
    assert.equal(brief(await after.notify({}, { changedAt: undefined })), 'notified');
    const justBefore = makeSite(t, { InactiveExitTimestampMonotonic: 10_000_009 * MICROSECONDS });
    assert.equal(brief(await justBefore.notify({}, { changedAt })), 'notified');
  });

  test('without ExecReload is not reloaded', async (t) => {
    const site = makeSite(t, { CanReload: 'no' });
    const result = await site.notify({ action: 'reload' });
    assert.equal(brief(result), 'CONSUMER_FAILED refused');
    assert.match(JSON.stringify(result), /try-reload-or-restart/);
    assert.deepEqual(site.actions(), []);
    assert.equal(brief(await site.notify()), 'notified');
  });

  test('whose job fails stays pending', async (t) => {
    const result = await makeSite(t, {}, 4).notify();
    assert.equal(brief(result), 'CONSUMER_FAILED refused');
    assert.match(JSON.stringify(result), /expected exit code 0, got 4.*journalctl -u app\.service/);
  });

  test('needs systemd, and systemctl', async () => {
    const consumer = {
      name: 'app',
      type: 'systemd',
      when: 'changed',
      unit: 'a',
      action: 'reload',
      signal: 'SIGHUP',
      handlesSignal: false,
    } as const;
    for (const host of [
      { path: '/usr/bin:/bin', systemd: '/proc/nonexistent', net: '/proc/net' },
      { path: '/proc/nonexistent', systemd: '/', net: '/proc/net' },
    ]) {
      const result = await notifyAndWatch(realDeps({ host }), requestFor(consumer), AbortSignal.timeout(limit(20_000)));
      assert.equal(brief(result), 'CONSUMER_FAILED refused');
    }
  });
});

describe('action: kill', () => {
  function groupOf(pid: number): string {
    const [line = ''] = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
    return line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1);
  }

  test('signals the main process', async (t) => {
    const program = await startHupPrinter(t);
    const site = makeSite(t, { MainPID: program.pid, ControlGroup: groupOf(program.pid) });
    const { pid } = program;
    const notified = { result: 'notified', detail: `SIGHUP to pid ${pid}`, processes: [pid] };
    assert.deepEqual(await site.notify({ action: 'kill' }), notified);
    await until(() => program.output().includes('HUP'));
    assert.deepEqual(site.actions(), []);
  });

  test('spares one that the signal would end', async (t) => {
    const { pid, isRunning } = await startSleep(t);
    const site = makeSite(t, { MainPID: pid, ControlGroup: groupOf(pid) });
    assert.equal(brief(await site.notify({ action: 'kill' })), 'CONSUMER_WOULD_DIE later');
    assert.ok(isRunning());
  });

  test('takes a number that is not the unit’s any more for nobody’s', async (t) => {
    const program = await startHupPrinter(t);
    const site = makeSite(t, { MainPID: program.pid, ControlGroup: '/system.slice/app.service' });
    assert.equal(brief(await site.notify({ action: 'kill' })), 'not_running');
    assert.equal(program.output(), 'ready\n');
  });

  test('needs a main process', async (t) => {
    assert.equal(brief(await makeSite(t, {}).notify({ action: 'kill' })), 'CONSUMER_FAILED refused');
  });
});
