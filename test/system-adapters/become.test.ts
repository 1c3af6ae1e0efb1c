import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { dlopen } from 'node:ffi';
import { closeSync, readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { createActors } from '../../src/system/actors.ts';
import { ACT_AS } from '../../src/core/act-as.ts';
import { identityArguments } from '../../src/system/become.ts';
import { eventually } from '../support/eventually.ts';
import { executable } from '../support/product.ts';

const isRoot = process.geteuid?.() === 0;

describe('a process that acts as a user', () => {
  const users = {
    'with all his groups': [{ uid: 65534, gid: 65534 }, '65534', /^65534 $/],
    'without any when he has no entry': [{ uid: 65533, gid: 65533, isUnlisted: true }, '65534', /^ ?$/],
  } as const;
  for (const [name, [user, gid, groups]] of Object.entries(users)) {
    test(`is that user for good before it reads, ${name}`, async (t) => {
      if (!isRoot) {
        t.skip('needs root: becomes another user');
        return;
      }
      const child = start(t, identityArguments(user));
      const at = `/proc/${child.pid ?? 0}`;
      const reads = (): boolean => readFileSync(`${at}/syscall`, 'latin1').startsWith(SYS_READ);
      await eventually('that it reads', reads);
      const status = readFileSync(`${at}/status`, 'latin1');
      const value = (field: string): string => new RegExp(`^${field}:\t(.*)$`, 'm').exec(status)?.[1] ?? '';
      assert.equal(value('Uid'), Array(4).fill(user.uid).join('\t'));
      assert.equal(value('Gid'), Array(4).fill(gid).join('\t'));
      assert.match(value('Groups'), groups);
      for (const set of ['CapPrm', 'CapEff', 'CapAmb']) assert.match(value(set), /^0+$/, set);
      assert.equal(value('NoNewPrivs'), '1');
      assert.equal(value('Umask'), '0077');
      // Nobody may look into what is not dumpable.
      assert.equal(spawnSync('cat', [`${at}/environ`], { uid: user.uid, gid: user.gid }).status, 1);
    });
  }

  test('has nothing of ours but its pipes', async (t) => {
    if (!isRoot) {
      t.skip('needs root: becomes another user');
      return;
    }
    // As whoever started us may have left one open: Node itself leaves none.
    const { functions: libc } = dlopen(null, { dup: { arguments: ['i32'], return: 'i32' } });
    const inherited = libc.dup(1);
    const actor = createActors(['/bin/sh', '-c', SURROUNDINGS]).start({ uid: 65534, gid: 65534 }, LIMITS);
    t.after(() => actor?.end());
    closeSync(inherited);
    assert.deepEqual(await actor?.hear(), { ok: true, line: 'UV_USE_IO_URING=0 in / with --act-as' });
  });

  const wrong: Readonly<Record<string, readonly string[]>> = {
    'for root': ['0', '0'],
    'for a name': ['nobody', '65534'],
    'for a number that stands for none': ['4294967295'],
    'with more': ['65534', '65534', '0'],
    'for nobody': [],
  };
  for (const [name, args] of Object.entries(wrong)) {
    test(`refuses to be one ${name}`, () => {
      const { status, stdout } = spawnSync(executable, [ACT_AS, ...args], { input: 'never read' });
      assert.equal(status, 77);
      assert.match(String(stdout), /^\{"refused":"expected [^"]+"\}\n$/);
    });
  }

  test('serves nobody but root', () => {
    const ids = isRoot ? { uid: 65534, gid: 65534 } : {};
    const uid = String(ids.uid ?? process.getuid?.());
    const { status, stdout } = spawnSync(executable, [ACT_AS, uid, uid], { ...ids, input: 'never read' });
    assert.equal(status, 77);
    assert.equal(String(stdout), '{"refused":"expected to be started by root"}\n');
  });

  test('refuses when it may not give up its rights', (t) => {
    if (!isRoot) {
      t.skip('needs root: takes a capability away');
      return;
    }
    for (const capability of ['setuid', 'setgid']) {
      const command = [
        `--bounding-set=-${capability}`,
        `--inh-caps=-${capability}`,
        executable,
        ACT_AS,
        '65534',
        '65534',
      ];
      const { status, stdout } = spawnSync('setpriv', command, { input: 'never read' });
      assert.equal(status, 77, capability);
      assert.match(String(stdout), /EPERM/);
    }
  });
});

const SYS_READ = process.arch === 'x64' ? '0 0x0 ' : '63 0x0 ';
const LIMITS = { subject: 'test', maxBytes: 1_000 };
const SURROUNDINGS = `
  for n in $(seq 3 300); do [ ! -e /proc/$$/fd/$n ] || echo "descriptor $n is open"; done
  echo "$(env | grep -v -e ^PWD= -e ^_=) in $(pwd) with $0"`;

function start(t: TestContext, args: readonly string[]): ChildProcess {
  const child = spawn(executable, [ACT_AS, ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
  t.after(() => child.kill('SIGKILL'));
  return child;
}
