import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { SystemdConsumer } from '../../src/core/config.ts';
import type { NotifyRequest } from '../../src/notify/contract.ts';
import { readBootTime } from '../../src/system/boot-time.ts';
import type { Outcome } from '../../src/core/outcomes.ts';
import {
  notifyAndWatch,
  realDeps,
  requestFor,
  startHupPrinter,
  startProgram,
  startSleep,
  until,
} from '../support/consumer.ts';
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

/** A host whose systemctl knows one unit, ends its actions with `code`, and shows what is `after` the first of them. */
function makeSite(context: TestContext, unit: Unit, code = 0, after: Unit = unit): Site {
  const { host, directory, install, calls } = fakeHost(context);
  for (const [name, own] of Object.entries({ unit, after })) {
    const properties = { InactiveExitTimestampMonotonic: 1, NRestarts: 0, ...ACTIVE, ...own };
    const lines = Object.entries(properties).map(([property, value]) => `${property}=${value}\n`);
    writeFileSync(join(directory, name), lines.join(''));
  }
  const act = `cp $DIR/after $DIR/unit; exit ${code}`;
  install('systemctl', `echo "$@" >>$DIR/log\ncase $* in *" show "*) cat $DIR/unit;; *) ${act};; esac`);
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

  for (const [what, unit, fromNow, result] of [
    ['waits where it would be restarted too early', { CanReload: 'no' }, 86_400_000, 'scheduled'],
    ['is restarted when that time has come', { CanReload: 'no' }, -1, 'notified'],
    ['is reloaded at any time', { CanReload: 'yes' }, 86_400_000, 'notified'],
  ] as const) {
    test(what, async (t) => {
      const site = makeSite(t, unit);
      const noRestartBefore = Date.now() + fromNow;
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

function groupOf(pid: number): string {
  const [line = ''] = readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
  return line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1);
}

describe('action: kill', () => {
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

describe('an ExecReload= that is a kill', () => {
  const reload = (program: { readonly pid: number }): Unit => ({
    MainPID: program.pid,
    ControlGroup: groupOf(program.pid),
    ExecReload: '{ path=/bin/kill ; argv[]=/bin/kill -HUP $MAINPID ; ignore_errors=no ; start_time=[n/a] }',
  });

  // Cause: it was reported as notified, the unit was inactive, and nobody knew.
  test('of a main process without a handler is refused', async (t) => {
    const site = makeSite(t, reload(await startSleep(t)));
    assert.match(brief(await site.notify()), /^CONSUMER_WOULD_DIE/);
    assert.deepEqual(site.actions(), []);
  });

  test('of a wrapper is refused, and runs where the administrator vouches for it', async (t) => {
    const wrapper = await startProgram(t, ['/usr/bin/timeout', '1000', 'sleep', '1000']);
    await until(() => readFileSync(`/proc/${wrapper.pid}/comm`, 'utf8') === 'timeout\n');
    const site = makeSite(t, reload(wrapper));
    assert.match(brief(await site.notify()), /^CONSUMER_WOULD_DIE/);
    assert.equal(brief(await site.notify({ handlesSignal: true })), 'notified');
    process.kill(wrapper.pid, 'SIGTERM');
    await until(() => !wrapper.isRunning());
  });

  test('is the word of the author where a runtime catches the signal', async (t) => {
    const ruby = await startProgram(t, ['/usr/bin/ruby', '-e', '$stdout.sync = true; puts "ready"; sleep'], {
      ready: 'ready',
    });
    assert.equal(brief(await makeSite(t, reload(ruby)).notify()), 'notified');
  });
});

describe('a unit that was reloaded', () => {
  for (const [what, after, expected] of [
    ['is inactive', { ActiveState: 'inactive' }, 'ended'],
    ['has failed', { ActiveState: 'failed' }, 'ended'],
    ['was restarted by systemd, since it had ended', { NRestarts: 1 }, 'ended'],
    [
      'was stopped by somebody',
      { ActiveState: 'inactive', ActiveExitTimestampMonotonic: 7, ExecMainExitTimestampMonotonic: 8 },
      'not_running',
    ],
  ] as const) {
    test(`and ${what}`, async (t) => {
      const site = makeSite(t, {}, 0, after);
      assert.equal(brief(await site.notify({ action: 'reload' })), expected);
    });
  }
});
