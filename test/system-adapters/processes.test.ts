import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileOf } from '../../src/notify/proc.ts';
import { createProcesses } from '../../src/system/processes.ts';
import { needsRoot, NOBODY, startHupPrinter, startSleep, until } from '../support/consumer.ts';
import { testAsOrdinaryUser } from '../support/ordinary-user.ts';

const processes = createProcesses();
const self = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
/** Beyond the kernel's highest number. */
const NO_PID = 4_194_305;

describe('processes', () => {
  test('signals the process that it holds', async (t) => {
    const program = await startHupPrinter(t);
    using held = processes.open(program.pid);
    assert.equal(held?.pid, program.pid);
    assert.equal(held.signal('SIGHUP'), true);
    await until(() => program.output().includes('HUP'));
  });

  test('says that the process has ended, whoever has its number now', async (t) => {
    const { child, pid } = await startSleep(t);
    using held = processes.open(pid);
    const exited = once(child, 'exit');
    assert.equal(held?.signal('SIGKILL'), true);
    await exited;
    assert.equal(held.signal('SIGKILL'), false);
    assert.equal(processes.open(pid), undefined);
  });

  test('opens neither what is not there nor a thread', () => {
    assert.equal(processes.open(NO_PID), undefined);
    const thread = readdirSync('/proc/self/task')
      .map(Number)
      .find((tid) => tid !== process.pid);
    assert.ok(thread !== undefined);
    assert.equal(processes.open(thread), undefined);
  });

  test('lets go of its descriptor', () => {
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 10; round += 1) processes.open(process.pid)?.[Symbol.dispose]();
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });

  testAsOrdinaryUser(import.meta.filename, 'throws EPERM for a process of others', () => {
    using held = processes.open(1);
    assert.throws(() => held?.signal('SIGWINCH'), { code: 'EPERM' });
    assert.throws(() => processes.executable(1, { uid: 0, gid: 0 }), { code: 'EACCES' });
  });

  test('tells the executable', async (t) => {
    const { pid } = await startSleep(t);
    const { path, file, isReplaced, uid } = processes.executable(pid, self) ?? assert.fail('no executable');
    assert.match(path, /\/bin\/sleep$/);
    assert.deepEqual([file, isReplaced, uid], [fileOf(statSync('/bin/sleep', { bigint: true })), false, 0]);
    assert.equal(processes.executable(NO_PID, self), undefined);
  });

  test(
    'tells the executable with the identity of its process, where root is confined',
    { skip: needsRoot },
    async (t) => {
      const nobodys = await startSleep(t, undefined, NOBODY);
      const roots = await startSleep(t);
      const script = `
      import { readFileSync } from 'node:fs';
      import { createProcesses } from './src/system/processes.ts';
      const look = (pid, id) => {
        try { return createProcesses().executable(pid, { uid: id, gid: id })?.path; } catch ({ code }) { return code; }
      };
      const seen = [look(${nobodys.pid}, ${NOBODY}), look(${nobodys.pid}, 1), look(${roots.pid}, 0)];
      const restored = readFileSync('/proc/thread-self/status', 'utf8').match(/^[UG]id:.*$/gm);
      process.stdout.write(JSON.stringify([...seen, ...restored]));
    `;
      const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script];
      const confined = ['--bounding-set=-sys_ptrace', '--inh-caps=-all', ...node];
      const seen: unknown = JSON.parse(execFileSync('setpriv', confined, { encoding: 'utf8' }));
      assert.deepEqual(seen, ['/usr/bin/sleep', 'EACCES', 'EACCES', 'Uid:\t0\t0\t0\t0', 'Gid:\t0\t0\t0\t0']);
    },
  );
});
