import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { openSite, reportOf, type Ended, type Site } from '../support/agent.ts';
import { needsRoot } from '../support/consumer.ts';
import { eventually } from '../support/eventually.ts';
import { makeHook } from '../support/programs.ts';
import { hasTool } from '../support/tools.ts';
import { assertCurrent, onOneLine, statusOf } from '../faults/errors.ts';
import { openShim } from '../faults/shim.ts';

function oneSink(site: Site, notify: readonly string[] = ['hook']): { sinks: object[] } {
  return { sinks: [{ path: site.path('out/iam.json'), format: 'json', mode: '0640', notify }] };
}

/** It ended by itself, with one of these, and was prepared for what it met. */
function assertCoded({ code, signal, stdout, stderr }: Ended, codes: readonly number[]): void {
  assert.ok(signal === null && codes.includes(code ?? -1), `${code} ${signal}: ${stdout}${stderr}`);
  assert.doesNotMatch(stdout + stderr, /INTERNAL/);
}

/** Starts a program by a shell that does something first. */
const after = (what: string): readonly string[] => ['/bin/sh', '-c', `${what}; exec "$@"`, 'sh'];

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

describe('surroundings', { concurrency: 3 }, () => {
  for (const umask of ['000', '077']) {
    test(`an umask of ${umask} opens nothing and closes nothing`, async (t) => {
      const site = await openSite(t);
      const hook = makeHook(t, site.path('hook'));
      const consumers = { hook: { type: 'exec', command: hook.command } };
      const env = { STATE_DIRECTORY: site.path('made/state'), RUNTIME_DIRECTORY: site.path('made/run') };
      const config = site.configure({ ...oneSink(site), consumers });
      site.start(['run', ...config], { env, through: after(`umask ${umask}`) });
      await eventually('the hook is notified', () => hook.calls().length === 1);
      assert.deepEqual([modeOf(site.path('out')), modeOf(site.path('out/iam.json'))], ['750', '640']);
      const kept = ['state', 'state/lock', 'state/state.json', 'run/status.json', 'run/control.sock'];
      const modes = kept.map((name) => modeOf(site.path(`made/${name}`)));
      assert.deepEqual(modes, ['700', '600', '600', '644', '600']);
    });
  }

  test('200 sinks are written with 128 file descriptors', async (t) => {
    const site = await openSite(t);
    const names = Array.from({ length: 200 }, (_, index) => `${String(index)}.json`);
    const config = site.configure({
      sinks: names.map((name) => ({ path: site.path(`out/${name}`), format: 'json' })),
    });
    const { code, stdout } = await site.run(['once', ...config], { through: after('ulimit -n 128') });
    assert.equal(code, 0, stdout);
    assertCurrent(site, names);
    assert.deepEqual(readdirSync(site.path('out')).sort(), names.sort());
  });

  test('a state directory that is full costs the memory, and no more', async (t) => {
    const suffer = await openShim(t);
    if (!suffer) return;
    const site = await openSite(t);
    const hook = makeHook(t, site.path('hook'));
    const config = site.configure({ ...oneSink(site), consumers: { hook: { type: 'exec', command: hook.command } } });
    const env = suffer({ fail: { call: 'write', errno: 'ENOSPC', part: '/state/.state.json.' } });
    const full = await site.run(['once', '--json', ...config], { env });
    assert.deepEqual([full.code, reportOf(full).consumers[0]?.result], [73, 'notified']);
    assertCurrent(site, ['iam.json']);
    assert.deepEqual(
      statusOf(site).errors.map(({ code, message }) => `${code} ${message}`),
      [`STATE_UNWRITABLE ${site.path('state/state.json')}: cannot be written: ENOSPC on write`],
    );
    assert.deepEqual(readdirSync(site.path('state')), ['lock']);

    assert.equal((await site.run(['once', ...config])).code, 0);
    assert.deepEqual(statusOf(site).errors, []);
    assert.deepEqual(hook.calls(), ['first 1', 'first 1'], 'without a state it is unknown who was notified');
  });

  test('a working directory that is gone', async (t) => {
    const site = await openSite(t);
    const config = site.configure(oneSink(site, []));
    const through = after(`cd ${site.path('')} && mkdir gone && cd gone && rmdir ../gone`);
    for (const command of ['once', 'check', 'plan', 'status'])
      assertCoded(await site.run([command, ...(command === 'status' ? [] : config)], { through }), [0, 75]);
    assertCurrent(site, ['iam.json']);
    assertCoded(await site.run(['once', '--config', 'c.yaml'], { through }), [78]);
  });

  test('no /proc: nothing is written, and it says why', { skip: needsRoot }, async (t) => {
    if (!hasTool('unshare')) {
      t.skip('needs unshare of util-linux');
      return;
    }
    const site = await openSite(t);
    const config = site.configure(oneSink(site, []));
    for (const hide of ['umount -l /proc', 'mount -t tmpfs none /proc']) {
      const through = ['unshare', '--mount', '--propagation', 'private', ...after(hide)];
      for (const command of ['once', 'run', 'check', 'plan', 'doctor']) {
        const ended = await site.run([command, ...config], { through });
        assertCoded(ended, [78]);
        assert.match(ended.stdout + ended.stderr, /hint: mount it: mount -t proc proc \/proc/);
      }
    }
    assert.ok(!existsSync(site.path('out')));
  });

  test('a /proc that hides the processes of others: who makes the next pass is unknown, never well', async (t) => {
    const site = await openSite(t);
    for (const name of ['', 'run']) chmodSync(site.path(name), 0o755);
    site.start(['run', ...site.configure(oneSink(site, []))]);
    await eventually('all is well', async () => (await site.run(['status', '--check'])).code === 0);
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    assert.equal((await site.run(['status', '--check'], { through: nobody })).code, 0);
    // An instance of its own: that of the machine is as it was.
    const hide = ['unshare', '--mount', '--propagation', 'private', ...after('mount -t proc -o hidepid=2 proc /proc')];
    const through = [...hide, ...nobody];
    const { code, stdout } = await site.run(['status', '--check'], { through });
    assert.equal(code, 3, stdout);
    assert.match(stdout, /^CREDROTATE UNKNOWN - next pass: nobody can tell from here whether one will be made/);
    assert.equal((await site.run(['status'], { through })).code, 75);
  });

  test('hardly any file descriptors', async (t) => {
    const site = await openSite(t);
    const config = site.configure(oneSink(site, []));
    const with_ = (count: number): object => ({ through: after(`ulimit -n ${count}`) });
    // With fewer the runtime ends before a line of ours.
    let least = 16;
    while ((await site.run(['--version'], with_(least))).code !== 0) least++;
    for (let count = least; count < least + 14; count++) {
      const ended = await site.run(['once', ...config], with_(count));
      assertCoded(ended, [0, 73, 78]);
      if (ended.code !== 0) assert.match(ended.stdout + ended.stderr, /EMFILE/);
      assert.deepEqual(
        existsSync(site.path('out')) ? readdirSync(site.path('out')) : [],
        ended.code === 0 ? ['iam.json'] : [],
      );
      rmSync(site.path('out'), { recursive: true, force: true });
    }
    assert.ok(least < 24, `expected Node to begin with ${least} descriptors`);
  });

  test('a directory that gives no file back gets none', { skip: needsRoot }, async (t) => {
    const site = await openSite(t);
    const directory = site.path('out');
    mkdirSync(directory);
    if (!hasTool('chattr') || spawnSync('chattr', ['+a', directory]).status !== 0) {
      t.skip('needs chattr of e2fsprogs, and a file system that has it');
      return;
    }
    try {
      for (const command of ['once', 'plan']) {
        const ended = await site.run([command, ...site.configure(oneSink(site, []))]);
        assertCoded(ended, [73]);
        assert.match(
          onOneLine(ended.stdout),
          /SINK_WRITE_FAILED: \S+: .* EPERM on rename hint: lsattr shows .*append-only/,
        );
      }
      assert.deepEqual(readdirSync(directory), []);
    } finally {
      spawnSync('chattr', ['-a', directory]);
    }
  });

  test('what a kill left and cannot be removed is said', async (t) => {
    const suffer = await openShim(t);
    if (!suffer) return;
    const site = await openSite(t);
    const config = site.configure(oneSink(site, []));
    const stuck = { call: 'unlink', errno: 'EIO', part: '/out/.iam.json.' } as const;
    const trace = site.path('trace');
    await site.run(['once', ...config], { env: suffer({ trace }) });
    const [, call] = /^(\d+) rename \S+\/out\/\.iam\.json/m.exec(readFileSync(trace, 'utf8')) ?? [];
    for (const name of ['out', 'state/state.json']) rmSync(site.path(name), { recursive: true });
    const env = suffer({ kill: { moment: 'before', call: Number(call) } });
    assert.equal((await site.run(['once', ...config], { env })).signal, 'SIGKILL');
    const [left = ''] = readdirSync(site.path('out'));
    assert.ok(statSync(site.path(`out/${left}`)).size > 0);
    const ended = await site.run(['once', ...config], { env: suffer({ fail: stuck }) });
    assert.match(onOneLine(ended.stdout), new RegExp(`out/${left} cannot be removed, and may hold credentials`));
    assert.equal((await site.run(['once', ...config])).code, 0);
    assert.deepEqual(readdirSync(site.path('out')), ['iam.json']);
  });

  for (const [what, text] of [
    ['torn', '{"version": 1, "generation": 3, "ori'],
    ['empty', ''],
    ['from a newer version', '{"version": 5, "generation": 3}'],
    ['foreign', '[]'],
  ] as const) {
    test(`a state that is ${what} is set aside, and all starts over`, async (t) => {
      const site = await openSite(t);
      const hook = makeHook(t, site.path('hook'));
      const config = site.configure({ ...oneSink(site), consumers: { hook: { type: 'exec', command: hook.command } } });
      writeFileSync(site.path('state/state.json'), text);
      const { code, stderr } = await site.run(['once', ...config]);
      assert.equal(code, 0, stderr);
      const aside = /set aside as (\S+\.unusable-\d+); starting over/.exec(stderr)?.[1] ?? assert.fail(stderr);
      assert.equal(readFileSync(aside, 'utf8'), text);
      assertCurrent(site, ['iam.json']);
      assert.deepEqual(hook.calls(), ['first 1']);
      assert.match(site.state(), /"generation": 1,/);
    });
  }
});
