import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { NotifyResult } from '../../src/notify/contract.ts';
import { readBootTime } from '../../src/system/boot-time.ts';
import { isRoot, needsRoot, NOBODY, startHupPrinter, startSleep, until, type Program } from '../support/consumer.ts';
import { tempDir } from '../support/temp-dir.ts';
import { brief, makePidFile, signalByPidFile } from './harness.ts';

/** The user that is neither root nor the one whose path it is. */
const STRANGER = 1;

describe('a pid file', () => {
  test('that is missing, with its directory or without, means that nobody runs', async (t) => {
    const directory = tempDir(t);
    assert.equal(brief(await signalByPidFile(join(directory, 'app.pid'))), 'not_running');
    assert.equal(brief(await signalByPidFile(join(directory, 'app/app.pid'))), 'not_running');
  });

  test('has the number in its first line, whatever follows', async (t) => {
    const { pid } = await startHupPrinter(t);
    for (const content of [`${pid}`, `${pid}\n`, `  ${pid} \r\n`, `${pid}\n/var/lib/data\n${'x'.repeat(5000)}`]) {
      assert.equal(brief(await signalByPidFile(makePidFile(t, content))), 'notified', content.slice(0, 20));
    }
  });

  test('with anything else is refused, and never quoted', async (t) => {
    const { pid } = await startHupPrinter(t);
    const contents = [
      '',
      '\n',
      `-${pid}`,
      `+${pid}`,
      `0x10`,
      `${pid} x`,
      `x${pid}`,
      '1e3',
      '9'.repeat(5000),
      'hunter2\n',
    ];
    for (const content of contents) {
      const result = await signalByPidFile(makePidFile(t, content));
      assert.equal(brief(result), 'CONSUMER_NOT_MEANT refused', content.slice(0, 20));
      assert.doesNotMatch(JSON.stringify(result), /hunter2/);
    }
  });

  test('cannot name all processes, the first one or the agent', async (t) => {
    for (const pid of [0, 1, process.pid]) {
      const result = await signalByPidFile(makePidFile(t, pid), { consumer: { handlesSignal: true } });
      assert.equal(brief(result), 'CONSUMER_NOT_MEANT refused');
    }
  });

  test('must be a regular file, though its directory may be a symlink', async (t) => {
    const program = await startHupPrinter(t);
    const file = makePidFile(t, program.pid);
    const directory = tempDir(t);
    execFileSync('mkfifo', ['-m', '600', join(directory, 'fifo')]);
    mkdirSync(join(directory, 'directory'));
    for (const name of ['fifo', 'directory']) {
      assert.equal(brief(await signalByPidFile(join(directory, name))), 'CONSUMER_UNSAFE refused', name);
    }
    symlinkSync(dirname(file), join(directory, 'run'));
    symlinkSync('loop', join(directory, 'loop'));
    assert.equal(brief(await signalByPidFile(join(directory, 'run', basename(file)))), 'notified');
    assert.equal(brief(await signalByPidFile(join(directory, 'loop'))), 'CONSUMER_UNSAFE refused');
  });

  test('that others can write, or replace, is not believed', async (t) => {
    const program = await startHupPrinter(t);
    const file = makePidFile(t, program.pid);
    chmodSync(file, 0o666);
    const result = await signalByPidFile(file);
    assert.equal(brief(result), 'CONSUMER_UNSAFE refused');
    assert.match(JSON.stringify(result), /chmod go-w .*app\.pid/);
    chmodSync(file, 0o644);
    chmodSync(dirname(file), 0o777);
    assert.equal(brief(await signalByPidFile(file)), 'CONSUMER_UNSAFE refused');
    chmodSync(dirname(file), 0o1777);
    assert.equal(brief(await signalByPidFile(file)), 'notified');
  });

  test('that is older than the process names another one by now', async (t) => {
    const program = await startHupPrinter(t);
    const file = makePidFile(t, program.pid);
    const anHourAgo = Date.now() / 1000 - 3600;
    utimesSync(file, anHourAgo, anHourAgo);
    const result = await signalByPidFile(file);
    assert.equal(brief(result), 'CONSUMER_NOT_MEANT refused');
    assert.match(JSON.stringify(result), /started after the file was written.*touch/);
    // Whichever it is, whoever started after the change has nothing to be notified.
    const changedAt = { ...readBootTime(), sinceBoot: 0 };
    assert.equal(brief(await signalByPidFile(file, { request: { changedAt } })), 'started_since');
    assert.equal(program.output(), 'ready\n');
  });

  test('of others is of no use to an agent that is not root', async (t) => {
    const file = makePidFile(t, 4711);
    if (isRoot) chownSync(file, NOBODY, NOBODY);
    const result = await signalByPidFile(file, { deps: { self: { uid: STRANGER, gid: STRANGER } } });
    assert.equal(brief(result), 'CONSUMER_UNSAFE refused');
  });
});

describe('a pid file that is not root’s', { skip: needsRoot }, () => {
  interface Site {
    readonly file: string;
    readonly theirs: Program;
    readonly name: (pid: number, uid?: number) => Promise<NotifyResult>;
  }

  /** In a directory of nobody's; `name` writes a number into the file and makes an attempt. */
  async function makeSite(t: TestContext): Promise<Site> {
    const base = tempDir(t);
    chmodSync(base, 0o755);
    const directory = join(base, 'theirs');
    mkdirSync(directory, { mode: 0o700 });
    chownSync(directory, NOBODY, NOBODY);
    const file = join(directory, 'app.pid');
    const name = async (pid: number, uid = NOBODY): Promise<NotifyResult> => {
      writeFileSync(file, `${pid}\n`);
      chownSync(file, uid, uid);
      return await signalByPidFile(file);
    };
    return { file, theirs: await startHupPrinter(t, { uid: NOBODY }), name };
  }

  test('reaches processes of its user', async (t) => {
    const { name, theirs } = await makeSite(t);
    assert.equal(brief(await name(theirs.pid)), 'notified');
    await until(() => theirs.output().includes('HUP'));
    assert.equal(brief(await name(theirs.pid, 0)), 'notified');
  });

  test('reaches nobody else', async (t) => {
    const { name } = await makeSite(t);
    const ours = await startHupPrinter(t);
    for (const uid of [NOBODY, 0]) {
      const result = await name(ours.pid, uid);
      assert.equal(brief(result), 'CONSUMER_NOT_MEANT refused');
      assert.match(JSON.stringify(result), /not a process of uid 65534/);
    }
    const { pid } = await startSleep(t, undefined, STRANGER);
    assert.equal(brief(await name(pid)), 'CONSUMER_NOT_MEANT refused');
    assert.equal(ours.output(), 'ready\n');
  });

  test('counts as its user’s even in a directory of root', async (t) => {
    const ours = await startHupPrinter(t);
    const file = makePidFile(t, ours.pid);
    chownSync(file, NOBODY, NOBODY);
    assert.equal(brief(await signalByPidFile(file)), 'CONSUMER_NOT_MEANT refused');
    const theirs = await startHupPrinter(t, { uid: NOBODY });
    writeFileSync(file, String(theirs.pid));
    assert.equal(brief(await signalByPidFile(file)), 'notified');
  });

  test('is not read with more rights than its user has', async (t) => {
    const { file, theirs } = await makeSite(t);
    const secret = makePidFile(t, theirs.pid);
    chmodSync(secret, 0o600);
    symlinkSync(secret, file);
    assert.equal(brief(await signalByPidFile(file)), 'CONSUMER_UNINSPECTABLE refused');
  });

  test('may not be a third user’s, nor one that everybody can write', async (t) => {
    const { file, name, theirs } = await makeSite(t);
    assert.equal(brief(await name(theirs.pid, STRANGER)), 'CONSUMER_UNSAFE refused');
    chownSync(file, NOBODY, NOBODY);
    chmodSync(file, 0o666);
    assert.equal(brief(await signalByPidFile(file)), 'CONSUMER_UNSAFE refused');
  });

  test('may be missing, or older than the process, or no file at all', async (t) => {
    const { file, name, theirs } = await makeSite(t);
    assert.equal(brief(await signalByPidFile(file)), 'not_running');
    await name(theirs.pid);
    utimesSync(file, 1, 1);
    assert.equal(brief(await signalByPidFile(file)), 'CONSUMER_NOT_MEANT refused');
    renameSync(file, `${file}.old`);
    execFileSync('mkfifo', ['-m', '644', file]);
    assert.equal(brief(await signalByPidFile(file)), 'CONSUMER_UNSAFE refused');
  });
});
