import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, readlinkSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { keyOf } from '../../src/notify/contract.ts';
import { readProcess } from '../../src/notify/proc.ts';
import { createProcesses } from '../../src/system/processes.ts';
import { needsRoot, NOBODY, privateCopy, startHupPrinter, startProgram, until } from '../support/consumer.ts';
import { tempDir } from '../support/temp-dir.ts';
import { brief, signalBy } from './harness.ts';

/** Everybody may search it. */
function openDirectory(t: TestContext): string {
  const directory = tempDir(t);
  chmodSync(directory, 0o755);
  return directory;
}

describe('a consumer', { skip: needsRoot }, () => {
  // Cause: the number of a container's process was taken for one of the host, whose cron got the signal.
  test('of a container is not taken for the process that has its number here', async (t) => {
    const directory = openDirectory(t);
    const exe = privateCopy('/bin/sh', directory, 'app');
    const host = await startHupPrinter(t, { shell: exe });
    const pidFile = join(directory, 'app.pid');
    const script = `echo ${host.pid - 1} >/proc/sys/kernel/ns_last_pid; sleep 1000 & echo $! >${pidFile}; wait`;
    const container = ['--pid', '--mount', '--mount-proc', '--fork', '--kill-child', '--', '/bin/sh', '-c', script];
    await startProgram(t, ['/usr/bin/unshare', ...container]);
    await until(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') === `${host.pid}\n`);
    const result = await signalBy({ pidFile });
    assert.equal(brief(result), 'CONSUMER_MISMATCH refused');
    assert.match(JSON.stringify(result), /has in its container/);
    assert.equal(host.output(), 'ready\n');
    assert.equal(brief(await signalBy({ pidFile, process: { exe } })), 'notified', 'the program decides');
  });

  // Cause: anybody can show any path, in a mount namespace of their own.
  test('is not whoever shows the path of its program', async (t) => {
    const directory = openDirectory(t);
    const exe = privateCopy('/bin/sh', directory, 'app');
    const real = await startHupPrinter(t, { shell: exe });
    const script = 'mount --bind /usr/bin/sleep "$0"; exec "$0" 1000';
    const fake = await startProgram(t, ['/usr/bin/unshare', '--mount', '--', '/bin/sh', '-c', script, exe]);
    await until(() => readlinkSync(`/proc/${fake.pid}/exe`) === exe);
    const result = await signalBy({ process: { exe } });
    assert.deepEqual(result, { result: 'notified', detail: `SIGHUP to pid ${real.pid}`, processes: [real.pid] });
    assert.ok(fake.isRunning());
  });

  test('whose program was replaced is known by its user, or from before', async (t) => {
    const directory = openDirectory(t);
    const exe = privateCopy('/bin/sh', directory, 'app');
    const program = await startHupPrinter(t, { shell: exe, uid: NOBODY });
    renameSync(privateCopy('/bin/sh', directory, 'new'), exe);
    const result = await signalBy({ process: { exe } });
    assert.equal(brief(result), 'CONSUMER_MISMATCH refused');
    assert.match(JSON.stringify(result), /got a deleted .*restart it, or name the user/);
    assert.equal(program.output(), 'ready\n');
    assert.equal(brief(await signalBy({ process: { exe, user: NOBODY } })), 'notified');
    const { file } = createProcesses().executable(program.pid, { uid: 0, gid: 0 }) ?? assert.fail('it has ended');
    const matched = [`${file}=${keyOf(readProcess(program.pid) ?? assert.fail('it has ended'))}`];
    assert.equal(brief(await signalBy({ process: { exe } }, { request: { matched } })), 'notified');
  });
});
