import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { chmodSync, chownSync, closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dlopen } from 'node:ffi';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { createCommands } from '../../src/system/commands.ts';
import { isRoot, NOBODY, until } from '../support/consumer.ts';
import { limit } from '../support/limits.ts';
import { tempDir } from '../support/temp-dir.ts';

const commands = createCommands();
const env = { PATH: '/usr/bin:/bin' };
const options = { timeoutMs: limit(10_000), env };

const sh = (script: string, ...args: readonly string[]): readonly string[] => ['sh', '-c', script, 'sh', ...args];

function isGone(pid: number): boolean {
  return !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
}

/** A descriptor of this process that its children inherit, as a careless shell leaves one. */
function leaveOpen(t: TestContext, path: string): number {
  const { functions } = dlopen(null, { dup: { arguments: ['i32'], return: 'i32' } });
  const fd = openSync(path, 'r');
  const copy = functions.dup(fd);
  closeSync(fd);
  t.after(() => {
    closeSync(copy);
  });
  return copy;
}

/** Says which descriptors of another process it could take (pidfd_open, pidfd_getfd). */
const STEAL = `
  const { functions } = require('node:ffi').dlopen(null, {
    syscall: { arguments: ['i64', 'i64', 'i64', 'i64'], return: 'i32' },
  });
  const [pid, ...fds] = process.argv.slice(1).map(BigInt);
  const held = BigInt(functions.syscall(434n, pid, 0n, 0n));
  console.log('took', ...fds.filter((fd) => functions.syscall(438n, held, fd, 0n) >= 0).map(String));
`;

describe('commands', () => {
  test('gives the exit code and both streams', async () => {
    const result = await commands.run(sh('echo out; sleep 0.02; echo err >&2; exit 3'), options);
    const expected = { exitCode: 3, signal: null, timedOut: false, output: 'out\n', complaint: 'err\n' };
    assert.deepEqual(result, expected);
  });

  test('gives the signal that ended the program', async () => {
    const result = await commands.run(sh('kill -USR1 $$'), options);
    assert.deepEqual([result.exitCode, result.signal], [null, 'SIGUSR1']);
  });

  test('keeps the last 4 KiB of output', async () => {
    const { output } = await commands.run(sh('head -c 100000 /dev/zero | tr "\\0" x; echo end'), options);
    assert.equal(output, `${'x'.repeat(4092)}end\n`);
  });

  test('takes arguments as they are, the environment that is given, and no input', async () => {
    const result = await commands.run(['env', '--', 'A=$(id)', 'sh', '-c', 'read line || env; pwd'], options);
    assert.deepEqual(result.output.split('\n').sort(), ['', '/', 'A=$(id)', 'PATH=/usr/bin:/bin', 'PWD=/']);
  });

  test('ends the whole process group at the timeout, those that refuse included', async (t) => {
    const file = join(tempDir(t), 'pid');
    const script =
      'sh -c \'trap "" TERM; echo $$ >"$1.part"; mv "$1.part" "$1"; while :; do sleep 1; done\' sh "$1" & wait';
    const running = commands.run(sh(script, file), { ...options, timeoutMs: limit(1_000) });
    await until(() => existsSync(file));
    const { timedOut } = await running;
    assert.equal(timedOut, true);
    const grandchild = Number(readFileSync(file, 'utf8'));
    await until(() => isGone(grandchild));
  });

  test('kills a program that does not end when it is asked to', async () => {
    const result = await commands.run(sh('trap "" TERM; while :; do sleep 1; done'), {
      ...options,
      timeoutMs: limit(1_000),
    });
    assert.deepEqual([result.signal, result.timedOut], ['SIGKILL', true]);
  });

  // On a busy machine the end was seen before the output, which was lost.
  test('waits for output that comes after the end', async (t) => {
    const late = (message: unknown): void => {
      const { process: child } = message as { process: ChildProcess };
      setImmediate(() => {
        const emit = child.stdout?.emit.bind(child.stdout) as (...event: unknown[]) => boolean;
        Object.assign(child.stdout ?? {}, { emit: (...event: unknown[]) => setTimeout(emit, 300, ...event) });
      });
    };
    subscribe('child_process', late);
    t.after(() => unsubscribe('child_process', late));
    const { output } = await commands.run(sh('sleep 0.1; echo out'), options);
    assert.equal(output, 'out\n');
  });

  test('keeps this process no longer than the program', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length;
    const before = timers();
    await commands.run(sh('echo out'), options);
    await commands.run(sh('sleep 60'), { env, timeoutMs: 1 });
    assert.equal(timers(), before);
  });

  test('does not wait for what a program leaves behind', async (t) => {
    const file = join(tempDir(t), 'pid');
    const result = await commands.run(sh('sleep 1000 & echo $! >"$1"', file), options);
    assert.equal(result.exitCode, 0);
    const left = Number(readFileSync(file, 'utf8'));
    assert.equal(isGone(left), false);
    process.kill(left, 'SIGKILL');
  });

  test('an abort ends the group and rejects with its reason', async (t) => {
    const file = join(tempDir(t), 'pid');
    const abort = new AbortController();
    const running = commands.run(sh('echo $$ >"$1.part"; mv "$1.part" "$1"; exec sleep 1000', file), {
      ...options,
      signal: abort.signal,
    });
    await until(() => existsSync(file));
    const reason = new Error('stop');
    abort.abort(reason);
    await assert.rejects(running, reason);
    assert.ok(isGone(Number(readFileSync(file, 'utf8'))));
    await assert.rejects(commands.run(['true'], { ...options, signal: abort.signal }), reason);
  });

  test('rejects with the errno error when a program cannot start', async () => {
    await assert.rejects(commands.run(['no-such-program'], options), { code: 'ENOENT' });
    await assert.rejects(commands.run(['/etc/passwd'], options), { code: 'EACCES' });
  });

  // Cause: what whoever started the agent had left open reached every tool, a user's among them.
  test('inherits no descriptor', async (t) => {
    const left = leaveOpen(t, '/etc/passwd');
    const { output } = await commands.run(['ls', '/proc/self/fd'], options);
    assert.deepEqual(output.split('\n'), ['0', '1', '2', '3', ''], `${left} is inherited, or another`);
  });

  test('lends a user none of root’s descriptors', { skip: !isRoot && 'needs root: two users' }, async (t) => {
    const left = leaveOpen(t, '/etc/shadow');
    const abort = new AbortController();
    const ids = { uid: NOBODY, gid: NOBODY };
    const file = join(tempDir(t), 'pid');
    writeFileSync(file, '');
    chownSync(file, NOBODY, NOBODY);
    chmodSync(join(file, '..'), 0o755);
    const stopped = commands.run(sh('echo $$ >"$1"; kill -STOP $$', file), { ...options, ids, signal: abort.signal });
    await until(() => readFileSync(file, 'utf8') !== '');
    const pid = readFileSync(file, 'utf8').trim();
    const { output } = await commands.run([process.execPath, '-e', STEAL, pid, '0', String(left)], { ...options, ids });
    assert.equal(output, 'took 0\n');
    abort.abort();
    await assert.rejects(stopped);
  });

  test('runs as another user, without our groups', { skip: !isRoot && 'needs root: two users' }, async () => {
    const { output } = await commands.run(['id'], { ...options, ids: { uid: NOBODY, gid: NOBODY } });
    assert.match(output, /^uid=65534\(\w+\) gid=65534\(\w+\) groups=65534\(\w+\)\n$/);
  });
});
