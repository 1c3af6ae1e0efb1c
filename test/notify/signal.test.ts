import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readBootTime } from '../../src/system/boot-time.ts';
import {
  HUP_PRINTER,
  needsRoot,
  NOBODY,
  privateCopy,
  startHupPrinter,
  startProgram,
  startSleep,
  until,
} from '../support/consumer.ts';
import { fakeHost } from '../support/fake-tool-consumer.ts';
import { tempDir } from '../support/temp-dir.ts';
import { brief, makePidFile, signalByPidFile } from './harness.ts';

const HOUR = 3_600_000;

/** Bit 0 of the set stands for SIGHUP. */
function includesHup(pid: number, name: 'SigCgt' | 'SigBlk'): boolean {
  const [, set = '0'] = new RegExp(`^${name}:\\s*(\\w+)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (BigInt(`0x${set}`) & 1n) === 1n;
}

function has(program: string): boolean {
  return ['/usr/bin', '/bin'].some((directory) => existsSync(join(directory, program)));
}

const NEEDS_PYTHON = { skip: !has('python3') && 'needs python3' };

/** The same machine, an hour later. */
const LATER = {
  clock: { now: () => Date.now() + HOUR },
  readBootTime: () => ({ ...readBootTime(), sinceBoot: readBootTime().sinceBoot + HOUR }),
};

describe('a signal', () => {
  test('tells a program that handles it', async (t) => {
    const program = await startHupPrinter(t);
    const { pid } = program;
    const result = await signalByPidFile(makePidFile(t, pid));
    assert.deepEqual(result, { result: 'notified', detail: `SIGHUP to pid ${pid}`, processes: [pid] });
    await until(() => program.output().includes('HUP'));
  });

  test('spares a program that it would end and that may only be starting', async (t) => {
    const program = await startSleep(t);
    const file = makePidFile(t, program.pid);
    const result = await signalByPidFile(file);
    assert.equal(brief(result), 'CONSUMER_WOULD_DIE later');
    assert.match(JSON.stringify(result), new RegExp(`pid ${program.pid}: expected a handler for SIGHUP, got none`));
    assert.equal(brief(await signalByPidFile(file, { deps: LATER })), 'CONSUMER_WOULD_DIE refused');
    assert.equal(brief(await signalByPidFile(file, { consumer: { signal: 'SIGUSR1' } })), 'CONSUMER_WOULD_DIE later');
    assert.ok(program.isRunning());
  });

  for (const [name, command] of [
    ['runsv', '/usr/bin/sv, restart'],
    ['s6-supervise', '/usr/bin/s6-svc, -r'],
  ] as const) {
    test(`is spared a program of ${name}, with the line that has it restarted`, async (t) => {
      const directory = tempDir(t);
      const supervisor = privateCopy('/bin/sh', directory, name);
      const script = `cd ${directory}; sleep 1000 & echo $!.; wait`;
      const { output } = await startProgram(t, [supervisor, '-c', script], { ready: '.\n' });
      const result = await signalByPidFile(makePidFile(t, Number.parseInt(output(), 10)));
      const line = `{ type: exec, command: [${command}, "${directory}"], when: expiring }`;
      assert.ok(JSON.stringify(result).includes(JSON.stringify(`have ${name} restart it: ${line}`).slice(1, -1)));
    });
  }

  test('goes to a program for which the administrator vouches, once it had time to start', async (t) => {
    const program = await startSleep(t);
    const file = makePidFile(t, program.pid);
    const consumer = { handlesSignal: true };
    assert.equal(brief(await signalByPidFile(file, { consumer })), 'CONSUMER_WOULD_DIE later');
    assert.ok(program.isRunning());
    assert.equal(brief(await signalByPidFile(file, { consumer, deps: LATER })), 'ended');
    assert.ok(!program.isRunning());
  });

  test('reaches sigwait, which looks fatal from outside, on the word of the administrator', NEEDS_PYTHON, async (t) => {
    const script = `
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
print('ready', flush=True)
signal.sigwait([signal.SIGHUP])
print('HUP', flush=True)
signal.pause()`;
    const program = await startProgram(t, ['/usr/bin/env', 'python3', '-c', script], { ready: 'ready' });
    const file = makePidFile(t, program.pid);
    await until(() => !includesHup(program.pid, 'SigBlk'));
    assert.equal(brief(await signalByPidFile(file, { deps: LATER })), 'CONSUMER_WOULD_DIE refused');
    assert.equal(brief(await signalByPidFile(file, { deps: LATER, consumer: { handlesSignal: true } })), 'notified');
    await until(() => program.output().includes('HUP'));
  });

  test('that is ignored, or does nothing, has notified nobody', async (t) => {
    const ignoring = await startSleep(t, '--ignore-signal=HUP');
    assert.equal(brief(await signalByPidFile(makePidFile(t, ignoring.pid))), 'CONSUMER_IGNORES later');
    const plain = await startSleep(t);
    const harmless = await signalByPidFile(makePidFile(t, plain.pid), { consumer: { signal: 'SIGWINCH' } });
    assert.equal(brief(harmless), 'CONSUMER_IGNORES later');
  });

  test('tells a program that blocks it in every thread to fetch it from there', async (t) => {
    const program = await startSleep(t, '--block-signal=HUP');
    assert.equal(brief(await signalByPidFile(makePidFile(t, program.pid))), 'notified');
    assert.ok(program.isRunning());
  });

  test('spares a shell that spawns one program after the other', async (t) => {
    // For each of them it blocks every signal until it runs, which takes long on a busy machine.
    const program = await startProgram(t, ['/bin/sh', '-c', 'while :; do /bin/true; done']);
    const file = makePidFile(t, program.pid);
    for (let attempt = 0; attempt < 60; attempt++)
      assert.equal(brief(await signalByPidFile(file)), 'CONSUMER_WOULD_DIE later');
    assert.ok(program.isRunning());
  });

  test('spares a program that blocks it for a moment', NEEDS_PYTHON, async (t) => {
    const script = `
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
signal.signal(signal.SIGUSR1, lambda *_: signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP]))
print('ready', flush=True)
while True: signal.pause()`;
    const program = await startProgram(t, ['/usr/bin/env', 'python3', '-c', script], { ready: 'ready' });
    let looks = 0;
    // Asked for how long to wait when a look has found it blocked.
    t.mock.method(Math, 'random', () => {
      if (++looks === 5) {
        process.kill(program.pid, 'SIGUSR1');
        while (includesHup(program.pid, 'SigBlk'));
      }
      return 0;
    });
    assert.equal(brief(await signalByPidFile(makePidFile(t, program.pid))), 'CONSUMER_WOULD_DIE later');
    assert.ok(program.isRunning());
    assert.equal(looks, 5);
  });

  test('spares a program that blocks it in some threads only', NEEDS_PYTHON, async (t) => {
    const script = `
import signal, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
print('ready', flush=True)
threading.Event().wait()`;
    const program = await startProgram(t, ['/usr/bin/env', 'python3', '-c', script], { ready: 'ready' });
    assert.equal(brief(await signalByPidFile(makePidFile(t, program.pid))), 'CONSUMER_WOULD_DIE later');
    assert.ok(program.isRunning());
  });

  test('is not needed by a program that started after the change', async (t) => {
    const changedAt = readBootTime();
    await until(() => readBootTime().sinceBoot > changedAt.sinceBoot + 10);
    const program = await startHupPrinter(t);
    const file = makePidFile(t, program.pid);
    assert.equal(brief(await signalByPidFile(file, { request: { changedAt } })), 'started_since');
    const beforeReboot = { bootId: 'another', sinceBoot: changedAt.sinceBoot + HOUR };
    assert.equal(brief(await signalByPidFile(file, { request: { changedAt: beforeReboot } })), 'started_since');
    assert.equal(brief(await signalByPidFile(file, { request: { changedAt: undefined } })), 'notified');
    await until(() => program.output().includes('HUP'));
  });

  test('finds nobody where the process has ended, or is a zombie', async (t) => {
    assert.equal(brief(await signalByPidFile(makePidFile(t, 4_194_305))), 'not_running');
    // Its parent turns into a program that never asks for its children.
    const parent = await startProgram(t, ['/bin/sh', '-c', 'sleep 0.2 & echo $!.; exec sleep 1000'], { ready: '.\n' });
    const zombie = Number.parseInt(parent.output(), 10);
    await until(() => readFileSync(`/proc/${zombie}/stat`, 'latin1').includes(') Z '));
    assert.equal(brief(await signalByPidFile(makePidFile(t, zombie))), 'not_running');
  });

  test('reaches a program whose first thread alone has ended', NEEDS_PYTHON, async (t) => {
    const script = `
import ctypes, signal, threading
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
threading.Thread(target=threading.Event().wait).start()
print('ready', flush=True)
ctypes.CDLL(None).pthread_exit(None)`;
    const program = await startProgram(t, ['/usr/bin/env', 'python3', '-c', script], { ready: 'ready' });
    await until(() => readFileSync(`/proc/${program.pid}/stat`, 'latin1').includes(') Z '));
    assert.equal(brief(await signalByPidFile(makePidFile(t, program.pid))), 'notified');
  });
});

/** These catch SIGHUP in every program, and by default exit on it. */
describe('a runtime that catches signals by habit', () => {
  test('Go', async (t) => {
    const require = createRequire(import.meta.url);
    const esbuild = require.resolve(`@esbuild/linux-${process.arch}/bin/esbuild`);
    const { version } = require('esbuild/package.json') as { version: string };
    const program = await startProgram(t, [esbuild, `--service=${version}`]);
    await until(() => includesHup(program.pid, 'SigCgt'));
    const result = await signalByPidFile(makePidFile(t, program.pid));
    assert.equal(brief(result), 'CONSUMER_WOULD_DIE refused');
    assert.match(JSON.stringify(result), /got Go, which ends on it.*handles_signal/);
    assert.ok(program.isRunning());
  });

  test('Java', { skip: !has('java') && 'needs java' }, async (t) => {
    const source = join(tempDir(t), 'Wait.java');
    writeFileSync(
      source,
      'class Wait { public static void main(String[] a) throws Exception { Thread.sleep(99999); } }',
    );
    const program = await startProgram(t, ['/usr/bin/env', 'java', '-XX:TieredStopAtLevel=1', source]);
    await until(() => includesHup(program.pid, 'SigCgt'));
    const result = await signalByPidFile(makePidFile(t, program.pid));
    assert.match(JSON.stringify(result), /CONSUMER_WOULD_DIE.*got Java, which/);
    assert.ok(program.isRunning());
  });

  test('any of them, where it may not be looked for', async (t) => {
    const { host, install, calls } = fakeHost(t);
    install('grep', 'echo "$@" >>$DIR/log; exit 2');
    const program = await startHupPrinter(t);
    const file = makePidFile(t, program.pid);
    assert.equal(brief(await signalByPidFile(file, { deps: { host } })), 'CONSUMER_UNINSPECTABLE refused');
    assert.deepEqual(calls().length, 1);
    assert.equal(brief(await signalByPidFile(file, { deps: { host }, consumer: { handlesSignal: true } })), 'notified');
  });

  // Cause: each further identity, and each further process, had its own five seconds.
  test('all of them by one deadline', { skip: needsRoot }, async (t) => {
    const { host, install, calls } = fakeHost(t);
    install('grep', 'echo "$@" >>$DIR/log; sleep 3; [ $(wc -l <$DIR/log) = 2 ] && exit 1; exit 2');
    chmodSync(host.path.split(':')[0] ?? '', 0o777);
    const program = await startHupPrinter(t, { uid: NOBODY });
    const file = makePidFile(t, program.pid);
    assert.equal(brief(await signalByPidFile(file, { deps: { host } })), 'CONSUMER_UNINSPECTABLE refused');
    assert.equal(calls().length, 2, 'with the identity of the process, and with our own');
  });

  test('not by its name, but by what is in its executable', async (t) => {
    const directory = tempDir(t);
    const ruby = privateCopy('/bin/sh', directory, 'ruby3.1');
    const named = await startProgram(t, [ruby, '-c', HUP_PRINTER], { ready: 'ready' });
    assert.equal(brief(await signalByPidFile(makePidFile(t, named.pid))), 'notified');
    const other = privateCopy('/bin/sh', directory, 'other');
    appendFileSync(other, 'RUBYOPT');
    const program = await startProgram(t, [other, '-c', HUP_PRINTER], { ready: 'ready' });
    const file = makePidFile(t, program.pid);
    assert.match(JSON.stringify(await signalByPidFile(file)), /CONSUMER_WOULD_DIE.*got Ruby, which/);
    assert.equal(brief(await signalByPidFile(file, { consumer: { handlesSignal: true } })), 'notified');
    await until(() => program.output().includes('HUP'));
  });
});
