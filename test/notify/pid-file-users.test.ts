import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { Outcome } from '../../src/core/outcomes.ts';
import {
  needsRoot,
  NOBODY,
  startHupPrinter,
  startProgram,
  startSleep,
  STRANGER,
  until,
  USER,
  type Program,
} from '../support/consumer.ts';
import { tempDir } from '../support/temp-dir.ts';
import { brief, makePidFile, signalByPidFile } from './harness.ts';

describe('a pid file that is not root’s', { skip: needsRoot }, () => {
  interface Site {
    readonly file: string;
    readonly theirs: Program;
    readonly name: (pid: number, uid?: number) => Promise<Outcome>;
  }

  /** In a directory of a user's; `name` writes a number into the file and makes an attempt. */
  async function makeSite(t: TestContext): Promise<Site> {
    const base = tempDir(t);
    chmodSync(base, 0o755);
    const directory = join(base, 'theirs');
    mkdirSync(directory, { mode: 0o700 });
    chownSync(directory, USER, USER);
    const file = join(directory, 'app.pid');
    const name = async (pid: number, uid = USER): Promise<Outcome> => {
      writeFileSync(file, `${pid}\n`);
      chownSync(file, uid, uid);
      return await signalByPidFile(file);
    };
    return { file, theirs: await startHupPrinter(t, { uid: USER }), name };
  }

  test('reaches processes of its user', async (t) => {
    const { name, theirs } = await makeSite(t);
    assert.equal(brief(await name(theirs.pid)), 'notified');
    await until(() => theirs.output().includes('HUP'));
    assert.equal(brief(await name(theirs.pid, 0)), 'notified');
  });

  // A program of another's that its user started has that user's id, and another's rights.
  test('reaches no setuid program that its user started', async (t) => {
    const { name } = await makeSite(t);
    for (const [what, ids] of Object.entries({ real: [USER, 0, 0], saved: [0, 0, USER], rights: [USER, USER, 0] })) {
      const script = `
        import os, signal, sys
        os.setresuid(${ids.join()})
        signal.signal(signal.SIGHUP, lambda *_: print('HUP', flush=True))
        print('ready', flush=True)
        while True: signal.pause()`;
      const setuid = await startProgram(t, ['/usr/bin/python3', '-c', script.replaceAll(/\n {8}/g, '\n')], {
        ready: 'ready',
      });
      assert.equal(brief(await name(setuid.pid)), 'CONSUMER_MISMATCH refused', what);
      assert.equal(setuid.output(), 'ready\n');
    }
  });

  test('reaches nobody else', async (t) => {
    const { name } = await makeSite(t);
    const ours = await startHupPrinter(t);
    for (const uid of [USER, 0]) {
      const result = await name(ours.pid, uid);
      assert.equal(brief(result), 'CONSUMER_MISMATCH refused');
      assert.match(JSON.stringify(result), /not a process of uid 2/);
    }
    const { pid } = await startSleep(t, undefined, STRANGER);
    assert.equal(brief(await name(pid)), 'CONSUMER_MISMATCH refused');
    assert.equal(ours.output(), 'ready\n');
  });

  test('counts as its user’s even in a directory of root', async (t) => {
    const ours = await startHupPrinter(t);
    const file = makePidFile(t, ours.pid);
    chownSync(file, USER, USER);
    assert.equal(brief(await signalByPidFile(file)), 'CONSUMER_MISMATCH refused');
    const theirs = await startHupPrinter(t, { uid: USER });
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

  test('counts for nothing where its user only came first, or is nobody', async (t) => {
    const theirs = await startHupPrinter(t, { uid: USER });
    const base = tempDir(t);
    chmodSync(base, 0o1777);
    const file = join(base, 'theirs', 'app.pid');
    mkdirSync(dirname(file));
    writeFileSync(file, String(theirs.pid));
    chownSync(dirname(file), USER, USER);
    assert.equal(brief(await signalByPidFile(file)), 'CONSUMER_UNSAFE refused');
    chmodSync(base, 0o755);
    assert.equal(brief(await signalByPidFile(file)), 'notified');
    for (const uid of [NOBODY, 65_533]) {
      chownSync(dirname(file), uid, uid);
      assert.match(JSON.stringify(await signalByPidFile(file)), /CONSUMER_UNSAFE.*which is nobody's/);
    }
  });

  test('may not be a third user’s, nor one that everybody can write', async (t) => {
    const { file, name, theirs } = await makeSite(t);
    assert.equal(brief(await name(theirs.pid, STRANGER)), 'CONSUMER_UNSAFE refused');
    chownSync(file, USER, USER);
    chmodSync(file, 0o666);
    assert.equal(brief(await signalByPidFile(file)), 'CONSUMER_UNSAFE refused');
  });

  test('may be missing, or older than the process, or no file at all', async (t) => {
    const { file, name, theirs } = await makeSite(t);
    assert.equal(brief(await signalByPidFile(file)), 'not_running');
    await name(theirs.pid);
    utimesSync(file, 1, 1);
    assert.equal(brief(await signalByPidFile(file)), 'CONSUMER_MISMATCH refused');
    renameSync(file, `${file}.old`);
    execFileSync('mkfifo', ['-m', '644', file]);
    assert.equal(brief(await signalByPidFile(file)), 'CONSUMER_UNSAFE refused');
  });
});
