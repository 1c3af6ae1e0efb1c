import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, symlinkSync, utimesSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { readBootTime } from '../../src/system/boot-time.ts';
import { isRoot, NOBODY, startHupPrinter, STRANGER } from '../support/consumer.ts';
import { tempDir } from '../support/temp-dir.ts';
import { brief, makePidFile, signalByPidFile } from './harness.ts';

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
      assert.equal(brief(result), 'CONSUMER_MISMATCH refused', content.slice(0, 20));
      assert.doesNotMatch(JSON.stringify(result), /hunter2/);
    }
  });

  test('cannot name all processes, the first one or the agent', async (t) => {
    for (const pid of [0, 1, process.pid]) {
      const result = await signalByPidFile(makePidFile(t, pid), { consumer: { handlesSignal: true } });
      assert.equal(brief(result), 'CONSUMER_MISMATCH refused');
    }
  });

  test('must be a regular file, though its directory may be a symlink', async (t) => {
    const program = await startHupPrinter(t);
    const file = makePidFile(t, program.pid);
    const directory = tempDir(t);
    execFileSync('mkfifo', ['-m', '600', join(directory, 'fifo')]);
    mkdirSync(join(directory, 'directory'));
    assert.equal(brief(await signalByPidFile(join(directory, 'fifo'))), 'CONSUMER_UNSAFE refused');
    assert.equal(brief(await signalByPidFile(join(directory, 'directory'))), 'CONSUMER_UNINSPECTABLE refused');
    symlinkSync(dirname(file), join(directory, 'run'));
    symlinkSync('loop', join(directory, 'loop'));
    assert.equal(brief(await signalByPidFile(join(directory, 'run', basename(file)))), 'notified');
    assert.equal(brief(await signalByPidFile(join(directory, 'loop'))), 'CONSUMER_UNINSPECTABLE refused');
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
    // Whoever comes first has the name there, and anybody could have moved root's file there.
    chmodSync(dirname(file), 0o1777);
    assert.equal(brief(await signalByPidFile(file)), 'CONSUMER_UNSAFE refused');
  });

  test('that is older than the process names another one by now', async (t) => {
    const program = await startHupPrinter(t);
    const file = makePidFile(t, program.pid);
    const anHourAgo = Date.now() / 1000 - 3600;
    utimesSync(file, anHourAgo, anHourAgo);
    const result = await signalByPidFile(file);
    assert.equal(brief(result), 'CONSUMER_MISMATCH refused');
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
