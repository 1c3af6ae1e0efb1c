import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { tally } from '../faults/tally.ts';
import { makeHook, startDaemon } from '../support/programs.ts';
import { CANARY, UUCP } from './attack-ground.ts';
import { isCurrent, newsOf, openStage, resultOf, type Stage } from './attack-stage.ts';

const ROOT = 0;
const NOBODY = 65_534;

/** A shared directory, and the settings with which an administrator says that it is one on purpose. */
interface Shared {
  readonly name: string;
  readonly path: string;
  readonly settings: object;
}

/** Where everybody can make entries, and where the members of a trusted group can. */
function sharedDirectories(t: TestContext, { ground }: Stage): readonly Shared[] {
  const sticky = ['/dev/shm', '/tmp', '/var/tmp', '/run/lock'].filter(isSticky);
  const made = [
    { path: join(ground.base, 'sticky'), gid: ROOT, mode: 0o1777 },
    { path: join(ground.base, 'group'), gid: UUCP, mode: 0o2775 },
    { path: join(ground.base, 'sticky-group'), gid: UUCP, mode: 0o3775 },
  ];
  for (const { path, gid, mode } of made) {
    mkdirSync(path);
    chownSync(path, ROOT, gid);
    chmodSync(path, mode);
  }
  const shared = [...sticky, ...made.map(({ path }) => path)];
  return shared.map((path) => {
    const own = mkdtempSync(join(path, 'credrotate-attack-'));
    rmSync(own, { recursive: true });
    t.after(() => {
      rmSync(own, { recursive: true, force: true });
    });
    return { name: path.replace(`${ground.base}/`, ''), path: own, settings: { trusted_groups: [UUCP] } };
  });
}

function isSticky(path: string): boolean {
  return existsSync(path) && (lstatSync(path).mode & 0o1002) === 0o1002;
}

/** A directory of somebody's where the sink's was before. */
function make(path: string, uid: number): void {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { mode: 0o700 });
  chownSync(path, uid, uid);
}

/** For each directory that is shared, with a name in it that whoever comes first has. */
async function eachShared(
  t: TestContext,
  what: string,
  work: (stage: Stage, shared: Shared) => Promise<void>,
): Promise<void> {
  const stage = await openStage(t, UUCP);
  const directories = sharedDirectories(t, stage);
  await tally(t, what, async (attempt) => {
    for (const shared of directories) {
      await attempt(async () => {
        await work(stage, shared);
        rmSync(shared.path, { recursive: true, force: true });
        stage.ground.inspect();
      });
    }
  });
  stage.ground.inspectContents();
}

/** A user can move root's files and links from a directory of their own into one that is shared. */
describe('a name in a directory that others share', () => {
  for (const user of [UUCP, NOBODY]) {
    test(`taken by uid ${user} before the sink is there`, async (t) => {
      await eachShared(t, `shared directories: taken by uid ${user}`, async (stage, { path, settings }) => {
        make(path, user);
        const names = [join(path, CANARY), join(path, 'made', CANARY)];
        const report = await stage.pass({
          ...settings,
          sinks: names.map((name) => ({ path: name, format: 'dotenv' })),
        });
        for (const name of names) assert.equal(resultOf(report, name), 'SINK_UNSAFE_PATH');
        assert.deepEqual(readdirSync(path), []);
      });
    });
  }

  test('taken by a user after root made it, and removed it', async (t) => {
    await eachShared(t, 'shared directories: taken after a reboot', async (stage, { path, settings }) => {
      const sink = join(path, CANARY);
      const config = { ...settings, sinks: [{ path: sink, format: 'dotenv' }] };
      make(path, ROOT);
      assert.equal(resultOf(await stage.pass(config), sink), 'written');
      make(path, UUCP);
      assert.equal(resultOf(await stage.pass(config), sink), 'SINK_UNSAFE_PATH');
      assert.deepEqual(readdirSync(path), []);
    });
  });

  test('taken by another user than the owner whom the sink names', async (t) => {
    await eachShared(t, 'shared directories: taken by another than the owner', async (stage, { path, settings }) => {
      const sink = join(path, CANARY);
      const config = { ...settings, sinks: [{ path: sink, format: 'dotenv', owner: UUCP }] };
      make(path, UUCP);
      assert.equal(resultOf(await stage.pass(config), sink), 'written');
      assert.equal(lstatSync(sink).uid, UUCP);
      assert.ok(isCurrent(stage.site, sink));
      make(path, NOBODY);
      assert.match(resultOf(await stage.pass(config), sink), /^SINK_/);
      assert.deepEqual(readdirSync(path), []);
    });
  });

  test("a symlink of a user's, or of root's that a user moved there", async (t) => {
    await eachShared(t, 'shared directories: a symlink moved there', async (stage, { path, settings }) => {
      const { ground } = stage;
      for (const [owner, target] of [
        [UUCP, ground.open],
        [ROOT, ground.open],
        [ROOT, ground.closed],
      ] as const) {
        symlinkSync(target, path);
        lchownSync(path, owner, owner);
        const sink = join(path, CANARY);
        const sinks = [{ path: sink, format: 'dotenv' }];
        assert.match(resultOf(await stage.pass({ ...settings, sinks }), sink), /^SINK_/);
        rmSync(path);
      }
    });
  });

  test("root's pid file, hook and configuration that a user moved there", async (t) => {
    const told: { readonly notifications: () => number; readonly pid: number }[] = [];
    await eachShared(t, "shared directories: root's file moved there", async (stage, { path, settings }) => {
      const { site, ground } = stage;
      const victim = told[0] ?? (await startDaemon(t, site.path('victim')));
      told[0] = victim;
      const notified = makeHook(t, site.path('hook'));
      writeFileSync(path, `${victim.pid}\n`);
      const marker = site.path('hook-ran');
      const consumers = {
        signal: { type: 'signal', signal: 'SIGHUP', pid_file: path },
        control: { type: 'exec', command: notified.command },
      };
      const sinks = [{ path: site.path('out/notifying.env'), format: 'dotenv', notify: ['signal', 'control'] }];
      const report = await stage.pass({ ...settings, sinks, consumers });
      assert.equal(newsOf(report, 'signal'), 'CONSUMER_UNSAFE');
      assert.equal(victim.notifications(), 0);

      writeFileSync(path, `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 });
      chmodSync(path, 0o755);
      for (const command of [[path], ['/bin/sh', path]]) {
        const hook = { type: 'exec', command };
        await stage.run(['once', ...site.configure({ sinks, consumers: { ...consumers, signal: hook } })]);
        assert.ok(!existsSync(marker), `${command.join(' ')} ran as root`);
      }

      writeFileSync(path, JSON.stringify({ sinks: [{ path: join(ground.open, CANARY), format: 'dotenv' }] }));
      const ended = await stage.run(['once', '--config', path]);
      assert.equal(ended.code, 78);
    });
  });

  test("root's file that is the sink", async (t) => {
    await eachShared(t, "shared directories: root's file as the sink", async (stage, { path, settings }) => {
      writeFileSync(path, 'OLD=1\n', { mode: 0o600 });
      const sinks = [{ path, format: 'dotenv' }];
      // What only a trusted group can change is meant to be written.
      const isTrusted = (lstatSync(dirname(path)).mode & 0o002) === 0;
      const expected = isTrusted ? 'written' : 'SINK_UNSAFE_PATH';
      assert.equal(resultOf(await stage.pass({ ...settings, sinks }), path), expected);
    });
  });
});
