import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { tally } from '../faults/tally.ts';
import { CANARY, WWW_DATA } from './attack-ground.ts';
import { openServers, type Server } from './attack-server.ts';
import { agree, isCurrent, openStage, resultOf, SLOWED } from './attack-stage.ts';
import { bind } from './bindfs.ts';
import { hasOwnMounts } from './mounts.ts';

function own(path: string): string {
  chownSync(path, WWW_DATA, WWW_DATA);
  return path;
}

/** Unmounts at the end of the block: before anything is cleared away. */
function mount(mounts: DisposableStack, ...args: readonly string[]): void {
  execFileSync('mount', args);
  mounts.defer(() => {
    execFileSync('umount', ['--lazy', args.at(-1) ?? '']);
  });
}

/**
 * Becomes the program in a new root. The machine's directories are only seen in a namespace that goes with it, and cannot
 * be written: nothing that clears up after the test can ever reach them.
 */
const CHROOT = `
for name in usr lib lib64 bin proc dev; do
  mkdir -p "$0/$name"
  mount --rbind "/$name" "$0/$name"
  mount -o remount,bind,ro "$0/$name"
done
mount --bind "$1" "$0/credrotate"
program=$1; shift
exec /usr/sbin/chroot "$0" /credrotate "$@"
`;

describe('mounts on the way', () => {
  test('mounts of root: bound, overlaid, over the file itself', async (t) => {
    if (!hasOwnMounts(t)) return;
    const stage = await openStage(t, WWW_DATA);
    using mounts = new DisposableStack();
    const { base, home } = stage.ground;
    const make = (name: string): string => {
      mkdirSync(join(base, name), { mode: 0o755 });
      return join(base, name);
    };
    const [bound, overlaid, upper, work, lower] = ['bound', 'overlaid', 'upper', 'work', 'lower'].map(make);
    assert.ok(bound !== undefined && overlaid !== undefined);
    mkdirSync(join(home, 'd'));
    own(join(home, 'd'));
    mount(mounts, '--bind', join(home, 'd'), bound);
    // An overlay cannot be the upper layer of another one; memory can.
    mount(mounts, '-t', 'tmpfs', 'none', base + '/upper');
    for (const name of ['u', 'w']) mkdirSync(join(upper ?? '', name));
    const layers = `lowerdir=${lower},upperdir=${upper}/u,workdir=${upper}/w`;
    assert.ok(work);
    mount(mounts, '-t', 'overlay', 'none', '-o', layers, overlaid);
    const file = join(base, 'over.env');
    for (const path of [file, join(base, 'other.env')]) writeFileSync(path, 'OLD=1\n', { mode: 0o600 });
    mount(mounts, '--bind', join(base, 'other.env'), file);
    await tally(t, 'mounts of root: bind, overlay, over the file', async (attempt) => {
      await attempt(async () => {
        const path = join(bound, 'app.env');
        assert.equal(await agree(stage, { path, format: 'dotenv' }), 'written');
        assert.equal(lstatSync(path).uid, WWW_DATA);
      });
      await attempt(async () => {
        const path = join(overlaid, 'app.env');
        assert.equal(await agree(stage, { path, format: 'dotenv' }), 'written');
        assert.equal(lstatSync(path).uid, 0);
      });
      await attempt(async () => {
        assert.match(await agree(stage, { path: file, format: 'dotenv' }), /^SINK_/);
        assert.equal(readFileSync(join(base, 'other.env'), 'utf8'), 'OLD=1\n');
      });
      await attempt(async () => {
        rmSync(join(bound, 'app.env'));
        symlinkSync(stage.ground.open, join(home, 'd/link'));
        const path = join(bound, 'link', CANARY);
        assert.match(resultOf(await stage.pass({ sinks: [{ path, format: 'dotenv' }] }), path), /^SINK_/);
      });
    });
    stage.ground.inspectContents();
  });

  test('an automount point, which answers or does not', async (t) => {
    const servers = await openServers(t);
    if (!servers) return;
    const stage = await openStage(t, WWW_DATA);
    for (const role of ['answer', 'silent'] as const) {
      await tally(t, `direct autofs, ${role}`, async (attempt) => {
        await attempt(async () => {
          const at = stage.site.path(`auto-${role}`);
          mkdirSync(at, { mode: 0o755 });
          const server = await servers.automount(at, role);
          const path = join(at, 'made/app.env');
          const result = resultOf(await stage.pass({ sinks: [{ path, format: 'dotenv' }] }), path);
          if (role === 'answer')
            assert.ok(result === 'written' ? isCurrent(stage.site, path) : result.startsWith('SINK_'));
          else assert.match(result, /^SINK_/);
          await server.stop();
          assert.deepEqual(readdirSync(at), [], 'something was made below the automount point');
        });
      });
    }
  });

  test('FUSE of root that answers', async (t) => {
    const bound = await bind(t);
    if (!bound) return;
    const { from, to } = bound;
    const stage = await openStage(t, WWW_DATA);
    const { site } = stage;
    const sink = { path: join(to, 'app.env'), format: 'dotenv' };
    await tally(t, 'FUSE of root that answers', async (attempt) => {
      await attempt(async () => {
        assert.equal(await agree(stage, sink), 'written');
        assert.ok(isCurrent(site, join(from, 'app.env')));
      });
      await attempt(async () => {
        assert.equal(resultOf(await stage.pass({ sinks: [sink] }), sink.path), 'written');
        assert.ok(isCurrent(site, join(from, 'app.env')));
        assert.deepEqual(readdirSync(from), ['app.env']);
      });
    });
  });

  test('file systems that come and go during a pass', async (t) => {
    const servers = await openServers(t);
    if (!servers) return;
    const stage = await openStage(t, WWW_DATA);
    const { ground } = stage;
    const backing = own(mkdirSync(join(ground.base, 'backing', 'deep'), { recursive: true }) ?? '');
    own(join(backing, 'deep'));
    const spots = ['', 'deep', 'deep/app.env'].map((name) => join(ground.home, 'd', name));
    for (const spot of spots.slice(0, 2)) own(mkdirSync(spot, { recursive: true }) ?? spot);
    own(join(ground.home, 'd/deep'));
    writeFileSync(spots[2] ?? '', 'OLD=1\n');
    own(spots[2] ?? '');
    let isOver = false;
    const flap = async (): Promise<void> => {
      for (let n = 0; !isOver; n++) {
        const at: string = spots[n % 2] ?? '';
        const server: Server = await servers.serve({
          by: WWW_DATA,
          at,
          backing,
          role: n % 4 < 2 ? ['changing', ground.open] : ['silent', n % 3],
        });
        await delay((n * 37) % 150);
        const asked: readonly string[] = server.asked();
        await server.stop();
        assert.deepEqual(asked, [], 'root asked what a user serves');
      }
    };
    const sinks = ['app.env', 'deep/app.env', 'deep/made/app.env'].map((name) => {
      return { path: join(ground.home, 'd', name), format: 'dotenv', owner: WWW_DATA };
    });
    await tally(t, 'a mount made between two steps', async (attempt) => {
      const flapping = flap();
      try {
        for (let n = 0; n < 12; n++) await attempt(() => stage.pass({ sinks }, n % 2 === 0 ? SLOWED : {}));
      } finally {
        isOver = true;
        await attempt(() => flapping);
      }
      await attempt(() => {
        ground.inspect();
      });
    });
    ground.inspectContents();
  });

  test('a root that the mount table does not list', async (t) => {
    if (!hasOwnMounts(t)) return;
    const stage = await openStage(t, WWW_DATA);
    const root = stage.site.path('chroot');
    mkdirSync(root, { mode: 0o755 });
    for (const name of ['state', 'run', 'root']) mkdirSync(join(root, name), { mode: 0o700 });
    mkdirSync(join(root, 'home'), { mode: 0o755 });
    own(join(root, 'home'));
    writeFileSync(join(root, 'credrotate'), '');
    const env = { STATE_DIRECTORY: '/state', RUNTIME_DIRECTORY: '/run' };
    const sinks = [
      { path: '/root/app.env', format: 'dotenv' },
      { path: '/home/app.env', format: 'dotenv', owner: WWW_DATA },
    ];
    writeFileSync(join(root, 'c.json'), JSON.stringify({ sinks }));
    await tally(t, 'a chroot whose root is not listed', async (attempt) => {
      for (const command of ['once', 'check', 'plan']) {
        await attempt(async () => {
          const shell = ['unshare', '--mount', '--propagation', 'private', '/bin/sh', '-euc', CHROOT, root];
          const ended = await stage.run([command, '--config', '/c.json'], { env, through: shell });
          assert.equal(ended.code, 0, ended.stdout + ended.stderr);
        });
      }
      await attempt(() => {
        for (const { path } of sinks) assert.ok(isCurrent(stage.site, join(root, path)));
      });
    });
    assert.equal(lstatSync(join(root, 'home/app.env')).uid, WWW_DATA);
  });
});
