import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { SignalConsumer } from '../../src/core/config.ts';
import type { Outcome } from '../../src/core/outcomes.ts';
import type { Sent } from '../../src/notify/contract.ts';
import { watch } from '../../src/notify/watch.ts';
import { readBootTime } from '../../src/system/boot-time.ts';
import { realDeps, startHupPrinter, until } from '../support/consumer.ts';
import { fakeHost } from '../support/fake-tool-consumer.ts';
import { limit } from '../support/limits.ts';
import { tempDir } from '../support/temp-dir.ts';

const GROUP = '0::/system.slice/app.service\n';
const STOPPED = 'ActiveState=inactive\nActiveExitTimestampMonotonic=7\nExecMainExitTimestampMonotonic=8\n';

interface Site {
  readonly watch: () => Promise<Outcome>;
  readonly calls: () => readonly string[];
  readonly pidFile: string;
}

/** A process that was signalled by its pid file, and is gone; its control groups, and what systemd shows of its unit. */
function makeSite(t: TestContext, shown: string, group = GROUP): Site {
  const { host, directory, install, calls } = fakeHost(t);
  writeFileSync(join(directory, 'unit'), shown);
  install('systemctl', 'echo "$@" >>$DIR/log; cat $DIR/unit');
  const pidFile = join(tempDir(t), 'app.pid');
  const consumer: SignalConsumer = {
    name: 'app',
    type: 'signal',
    when: 'changed',
    signal: 'SIGHUP',
    target: { pidFile },
    handlesSignal: false,
  };
  const process = { pid: 4_194_305, startedAt: 1, uid: 0, session: 4_194_305, group };
  const sent: Sent = { at: readBootTime(), detail: 'SIGHUP', processes: [process], endsIt: false, isPartial: false };
  const deps = realDeps({ host, watch: { windowMs: 0, successorMs: limit(20_000) } });
  return { watch: () => watch(deps, consumer, sent, AbortSignal.timeout(limit(30_000))), calls, pidFile };
}

describe('a signalled process that is gone', () => {
  test('and whose unit somebody else restarts, is waited for', async (t) => {
    const site = makeSite(t, 'ActiveState=deactivating\nJob=12\n');
    const watched = site.watch();
    await until(() => site.calls().length > 0);
    const successor = await startHupPrinter(t);
    writeFileSync(site.pidFile, `${successor.pid}\n`);
    assert.equal((await watched).result, 'notified');
    assert.match(site.calls()[0] ?? '', / -- app\.service$/);
  });

  test('and whose unit was just started again, is waited for until its program runs', async (t) => {
    const startedAt = Math.ceil(readBootTime().sinceBoot + 1000) * 1000;
    const site = makeSite(t, `ActiveState=active\nInactiveExitTimestampMonotonic=${startedAt}\n`);
    const watched = site.watch();
    await until(() => site.calls().length > 0);
    const successor = await startHupPrinter(t);
    writeFileSync(site.pidFile, `${successor.pid}\n`);
    assert.equal((await watched).result, 'notified');
  });

  test('and whose unit somebody else has stopped, is not running', async (t) => {
    assert.equal((await makeSite(t, STOPPED).watch()).result, 'not_running');
  });

  for (const [what, shown, group] of [
    ['of itself', 'ActiveState=inactive\nActiveExitTimestampMonotonic=8\nExecMainExitTimestampMonotonic=7\n', GROUP],
    ['in a unit that goes on without it', 'ActiveState=active\nInactiveExitTimestampMonotonic=1\n', GROUP],
    ['and is restarted by systemd for that', 'ActiveState=activating\nJob=0\n', GROUP],
    ['in a unit of a container', STOPPED, '0::/machine.slice/a.scope/system.slice/app.service\n'],
    ['outside of any unit', STOPPED, '0::/user.slice/user-0.slice/session-1.scope\n'],
  ] as const) {
    test(`${what}, has ended`, async (t) => {
      assert.equal((await makeSite(t, shown, group).watch()).result, 'ended');
    });
  }

  test('is looked for in the manager of its user', async (t) => {
    const site = makeSite(t, STOPPED, '0::/user.slice/user-0.slice/user@0.service/app.slice/app.service/x\n');
    assert.equal((await site.watch()).result, 'not_running');
    assert.match(site.calls()[0] ?? '', /--user .* -- app\.service$/);
  });
});
