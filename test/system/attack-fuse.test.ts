import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { eachRole, type Scene } from './attack-fuse-scene.ts';
import { isCurrent, newsOf, type Settings, type Stage } from './attack-stage.ts';
import type { Serving } from './attack-server.ts';
import { startDaemon } from '../support/programs.ts';
import { CANARY, NEWS } from './attack-ground.ts';

/** What the user's program stores is the user's; it may as well refuse. */
async function passOver({ pass, beside, site, lay, ground, backing }: Scene, role: Serving['role']): Promise<void> {
  for (const name of ['.aws', '.aws/deep']) lay(name);
  const names = ['.aws/credentials', '.aws/deep/credentials', '.aws/made/credentials'];
  const sinks = names.map((name) => ({ path: join(ground.home, name), format: 'dotenv' }));
  const { sinks: outcomes } = await beside({ at: ground.home, role }, () => pass({ sinks }));
  for (const [index, { result }] of outcomes.slice(0, -1).entries())
    if (result === 'written') assert.ok(isCurrent(site, join(backing, names[index] ?? '')), names[index] ?? '');
}

describe('a file system that a user serves', { concurrency: true }, () => {
  test('over the home', async (t) => {
    await eachRole(t, 'over the home', async (scene, role) => {
      await passOver(scene, role);
    });
  });

  test('below the home', async (t) => {
    await eachRole(t, 'below the home', async (scene, role) => {
      const at = scene.place('.aws');
      scene.lay('deep');
      const sinks = ['credentials', 'deep/credentials'].map((name) => ({ path: join(at, name), format: 'dotenv' }));
      await scene.beside({ at, role }, () => scene.pass({ sinks }));
    });
  });

  test("over the sink's own file", async (t) => {
    await eachRole(t, "over the sink's own file", async (scene, role) => {
      const { site, ground } = scene;
      mkdirSync(site.path('etc'), { recursive: true, mode: 0o755 });
      const own = join(ground.base, CANARY);
      writeFileSync(own, 'OLD=1\n');
      chownSync(own, NEWS, NEWS);
      for (const path of [own, scene.place('app.env', 'OLD=1\n')]) {
        const backing = scene.lay('file', 'OLD=1\n');
        const sinks = [{ path, format: 'dotenv', owner: NEWS }];
        await scene.beside({ at: path, backing, role }, () => scene.pass({ sinks }));
      }
      rmSync(own);
    });
  });

  test('with a pid file in it', async (t) => {
    const victims = new Map<Stage, Awaited<ReturnType<typeof startDaemon>>>();
    await eachRole(t, 'with a pid file in it', async (scene, role) => {
      const { site, ground, pass, beside } = scene;
      const victim = victims.get(scene) ?? (await startDaemon(t, site.path('victim')));
      victims.set(scene, victim);
      scene.lay('app.pid', `${victim.pid}\n`);
      const told = { type: 'signal', signal: 'SIGHUP', handles_signal: true };
      const consumers = {
        theirs: { ...told, pid_file: join(ground.home, 'app.pid') },
        ours: { ...told, pid_file: victim.pidFile },
      };
      const before = victim.notifications();
      const sinks = [{ path: site.path('out/notifying.env'), format: 'dotenv', notify: ['theirs', 'ours'] }];
      await beside({ at: ground.home, role }, async () => {
        const report = await pass({ sinks, consumers });
        assert.notEqual(newsOf(report, 'theirs'), 'notified');
        assert.equal(newsOf(report, 'ours'), 'notified');
      });
      assert.equal(victim.notifications(), before + 1);
    });
  });

  test('with a hook in it', async (t) => {
    await eachRole(t, 'with a hook in it', async (scene, role) => {
      const { site, ground, beside, run } = scene;
      const marker = site.path('hook-ran');
      const hook = scene.lay('hook', `#!/bin/sh\ntouch ${marker}\n`);
      chmodSync(hook, 0o755);
      const path = site.path('out/notifying.env');
      const config: Settings = {
        sinks: [{ path, format: 'dotenv', notify: ['hook'] }],
        consumers: { hook: { type: 'exec', command: [join(ground.home, 'hook')], timeout: '5s' } },
      };
      await beside({ at: ground.home, role }, async () => {
        const ended = await run(['once', '--json', ...site.configure(config)]);
        assert.notEqual(ended.code, 0);
        assert.ok(!existsSync(marker), 'the hook of the user ran as root');
      });
    });
  });

  test('with the configuration in it', async (t) => {
    await eachRole(t, 'with the configuration in it', async (scene, role) => {
      const { site, ground, beside, run } = scene;
      const marker = site.path('hook-ran');
      const config: Settings = {
        sinks: [{ path: join(ground.open, CANARY), format: 'dotenv', notify: ['hook'] }],
        consumers: { hook: { type: 'exec', command: ['/usr/bin/touch', marker] } },
      };
      scene.lay('c.yaml', JSON.stringify(config));
      scene.lay('conf.d');
      scene.lay('conf.d/a.yaml', '{}');
      for (const command of ['once', 'check', 'plan', 'run', 'doctor']) {
        await beside({ at: ground.home, role }, async () => {
          const ended = await run([command, '--config', join(ground.home, 'c.yaml')]);
          assert.notEqual(ended.code, 0, command);
        });
        assert.ok(!existsSync(marker), 'the hook of the user ran as root');
      }
    });
  });

  test('with our own directories in it', async (t) => {
    await eachRole(t, 'with our own directories in it', async (scene, role) => {
      const { site, ground, pass, beside } = scene;
      scene.lay('state');
      scene.lay('state/state.json', '{}');
      scene.lay('run');
      scene.lay('run/status.json', '{}');
      for (const env of [
        { STATE_DIRECTORY: join(ground.home, 'state') },
        { RUNTIME_DIRECTORY: join(ground.home, 'run') },
      ]) {
        await beside({ at: ground.home, role }, () => pass({}, { env }));
      }
      const metrics = { textfile: join(ground.home, 'credrotate.prom') };
      await beside({ at: ground.home, role }, async () => {
        await scene.run(['once', ...site.configure({ metrics, sinks: [] })]);
      });
    });
  });
});
