import assert from 'node:assert/strict';
import { chmodSync, readlinkSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { ProcessMatch } from '../../src/core/config.ts';
import type { Outcome } from '../../src/core/outcomes.ts';
import { keyOf } from '../../src/notify/contract.ts';
import { readProcess } from '../../src/notify/proc.ts';
import { createProcesses } from '../../src/system/processes.ts';
import { needsRoot, NOBODY, privateCopy, startHupPrinter, startProgram, until } from '../support/consumer.ts';
import { tempDir } from '../support/temp-dir.ts';
import { brief, signalBy, type Attempt } from './harness.ts';

async function signalByProcess(process: ProcessMatch, attempt?: Attempt): Promise<Outcome> {
  return await signalBy({ process }, attempt);
}

const SELF = process.getuid?.() ?? 0;

describe('a signal by process', () => {
  test('reaches every process that runs the executable, and no other', async (t) => {
    const exe = privateCopy('/bin/sh', tempDir(t), 'app');
    const programs = [await startHupPrinter(t, { shell: exe }), await startHupPrinter(t, { shell: exe })];
    const other = await startHupPrinter(t);
    const result = await signalByProcess({ exe });
    assert.ok(result.result === 'notified');
    assert.equal(result.detail, 'SIGHUP to 2 processes');
    assert.deepEqual(
      result.processes?.toSorted((a, b) => a - b),
      programs.map(({ pid }) => pid).sort((a, b) => a - b),
    );
    for (const { output } of programs) await until(() => output().includes('HUP'));
    assert.equal(other.output(), 'ready\n');
  });

  test('finds a program whose file was replaced, or is reached by a symlink', async (t) => {
    const directory = tempDir(t);
    const exe = privateCopy('/bin/sh', directory, 'app');
    const link = join(directory, 'link');
    symlinkSync('app', link);
    await startHupPrinter(t, { shell: link });
    assert.equal(brief(await signalByProcess({ exe: link })), 'notified');
    renameSync(privateCopy('/bin/true', directory, 'new'), exe);
    assert.equal(brief(await signalByProcess({ exe })), 'notified');
    unlinkSync(exe);
    assert.equal(brief(await signalByProcess({ exe })), 'notified');
  });

  test('does not reach one that executes another program between the look and the hold', async (t) => {
    const exe = privateCopy('/bin/dash', tempDir(t), 'app');
    const script = 'trap "exec /bin/sleep 60" USR1; trap : HUP; echo ready; read line';
    const app = await startProgram(t, [exe, '-c', script], { ready: 'ready' });
    const processes = createProcesses();
    const runs = (): string => readlinkSync(`/proc/${app.pid}/exe`);
    const open: typeof processes.open = (pid) => {
      if (pid === app.pid) {
        process.kill(pid, 'SIGUSR1');
        while (runs() === exe);
      }
      return processes.open(pid);
    };
    assert.equal(brief(await signalByProcess({ exe }, { deps: { processes: { ...processes, open } } })), 'not_running');
    assert.notEqual(runs(), exe);
    assert.ok(app.isRunning());
  });

  test('is absent where nobody runs it', async (t) => {
    const exe = privateCopy('/bin/sh', tempDir(t), 'app');
    assert.equal(brief(await signalByProcess({ exe })), 'not_running');
  });

  test('tells those that it can, and the others later, without telling anybody twice', async (t) => {
    const exe = privateCopy('/bin/sh', tempDir(t), 'app');
    const handling = await startHupPrinter(t, { shell: exe });
    const other = await startProgram(t, [exe, '-c', 'echo ready; read line; read line'], { ready: 'ready' });
    const first = await signalByProcess({ exe });
    assert.equal(brief(first), 'CONSUMER_WOULD_DIE later');
    await until(() => handling.output().includes('HUP'));
    const notified = [keyOf(readProcess(handling.pid) ?? assert.fail('it has ended'))];
    other.child.stdin?.end();
    await until(() => !other.isRunning());
    const second = await signalByProcess({ exe }, { request: { notified } });
    const { pid } = handling;
    assert.deepEqual(second, { result: 'notified', detail: `pid ${pid} notified before`, processes: [pid] });
  });

  test('does not take for absent what it may not see', async (t) => {
    const exe = privateCopy('/bin/sh', tempDir(t), 'app');
    await startHupPrinter(t, { shell: exe });
    const executable = (): never => {
      throw Object.assign(new Error('denied'), { code: 'EACCES' });
    };
    const deps = { processes: { ...createProcesses(), executable } };
    assert.equal(brief(await signalByProcess({ exe }, { deps })), 'CONSUMER_UNINSPECTABLE refused');
    assert.equal(brief(await signalByProcess({ exe, user: 4_000_000 }, { deps })), 'not_running');
  });

  test('can be limited to a user', async (t) => {
    const exe = privateCopy('/bin/sh', tempDir(t), 'app');
    await startHupPrinter(t, { shell: exe });
    assert.equal(brief(await signalByProcess({ exe, user: SELF })), 'notified');
    assert.equal(brief(await signalByProcess({ exe, user: SELF + 1 })), 'not_running');
    assert.equal(brief(await signalByProcess({ exe, user: 'no-such-user' })), 'CONSUMER_FAILED refused');
  });

  test('reaches processes of any user', { skip: needsRoot }, async (t) => {
    const directory = tempDir(t);
    chmodSync(directory, 0o755);
    const exe = privateCopy('/bin/sh', directory, 'app');
    const theirs = await startHupPrinter(t, { uid: NOBODY, shell: exe });
    assert.equal(brief(await signalByProcess({ exe, user: 'root' })), 'not_running');
    assert.equal(brief(await signalByProcess({ exe, user: 'nobody' })), 'notified');
    await until(() => theirs.output().includes('HUP'));
  });
});
