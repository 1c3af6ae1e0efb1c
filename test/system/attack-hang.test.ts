import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { tally } from '../faults/tally.ts';
import { said } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import { MAIL } from './attack-ground.ts';
import { openServers, type Server, type Servers } from './attack-server.ts';
import { isCurrent, newsOf, openStage, resultOf, type Settings, type Stage } from './attack-stage.ts';

/** What never answers: who mounted it, and over whose directory. */
const KINDS: Readonly<Record<string, (servers: Servers, at: string, backing: string) => Promise<Server>>> = {
  'FUSE by root': ({ serve }, at, backing) => serve({ by: 0, at, backing, role: ['silent', 0] }),
  'FUSE by root, silent in the middle': ({ serve }, at, backing) => serve({ by: 0, at, backing, role: ['silent', 3] }),
  'direct autofs': ({ automount }, at) => automount(at, 'silent'),
};

/** More than the threads that wait for files. */
const MANY = 6;
const NORMAL = ['a', 'b', 'c'];

interface Scene extends Stage {
  readonly settings: Settings;
  /** Paths of root's sinks beside the ones that hang. */
  readonly normal: readonly string[];
}

/** Sinks, pid files and hooks on what hangs, and sinks beside them. */
async function openScene(t: TestContext, kind: string): Promise<Scene | undefined> {
  const servers = await openServers(t);
  if (!servers) return undefined;
  const stage = await openStage(t, MAIL);
  const at = stage.site.path('hanging');
  const backing = stage.site.path('backing');
  for (const path of [at, backing]) mkdirSync(path, { mode: 0o755 });
  await KINDS[kind]?.(servers, at, backing);
  const names = Array.from({ length: MANY }, (_, n) => String(n));
  const normal = NORMAL.map((name) => stage.site.path(`out/${name}.env`));
  const consumers = names.flatMap((name) => [
    [`file${name}`, { type: 'signal', signal: 'SIGHUP', pid_file: join(at, `${name}.pid`) }] as const,
    [`hook${name}`, { type: 'exec', command: [join(at, `hook${name}`)], timeout: '5s' }] as const,
  ]);
  const settings: Settings = {
    consumers: Object.fromEntries<object>(consumers),
    sinks: [
      ...names.map((name) => ({ path: join(at, name, 'app.env'), format: 'dotenv' })),
      ...normal.map((path) => ({ path, format: 'dotenv', notify: consumers.map(([name]) => name) })),
    ],
  };
  return { ...stage, settings, normal };
}

/** Beside what hangs: how long a pass may take for the other sinks is what it takes without, and the deadline. */
const DEADLINE = 10_000;

describe('a file system that never answers', { concurrency: true }, () => {
  for (const kind of Object.keys(KINDS)) {
    test(`${kind}: the other sinks are written`, async (t) => {
      const scene = await openScene(t, kind);
      if (!scene) return;
      const { site, settings, normal } = scene;
      const begun = performance.now();
      await scene.pass({});
      const usual = performance.now() - begun;
      await tally(t, `${kind} hangs: other sinks in time`, async (attempt) => {
        for (let n = 0; n < 2; n++) {
          await attempt(async () => {
            const since = performance.now();
            const pass = scene.pass(settings);
            await eventually('the other sinks', () =>
              normal.every((path) => existsSync(path) && isCurrent(site, path)),
            );
            const took = performance.now() - since;
            assert.ok(took < DEADLINE + limit(1_000) + usual, `they took ${took} ms`);
            const report = await pass;
            for (const { path } of (settings.sinks as { path: string }[]).slice(0, MANY))
              assert.match(resultOf(report, path), /^SINK_/);
            for (const name of Object.keys(settings.consumers ?? {})) assert.match(newsOf(report, name), /^CONSUMER_/);
          });
        }
      });
    });

    test(`${kind}: the agent repairs, answers and ends`, async (t) => {
      const scene = await openScene(t, kind);
      if (!scene) return;
      const { site, settings, normal } = scene;
      const config = site.configure({ ...settings, refresh: { max_interval: '1s' } });
      await tally(t, `${kind} hangs: repair and SIGTERM`, async (attempt) => {
        for (let n = 0; n < 2; n++) {
          await attempt(async () => {
            for (const path of normal) rmSync(path, { force: true });
            const agent = site.start(['run', ...config]);
            await said(agent, /SINK_|sinks? fresh/);
            const areThere = (): boolean => normal.every((path) => existsSync(path) && isCurrent(site, path));
            await eventually('the first pass', areThere, 20_000);
            for (const path of normal) rmSync(path);
            await eventually('a repair', areThere, 30_000);
            const since = performance.now();
            const ended = await Promise.race([agent.stop(), late()]);
            assert.ok(ended !== 'late', 'SIGTERM did not end the agent in two seconds');
            t.diagnostic(`ended ${Math.round(performance.now() - since)} ms after SIGTERM`);
          });
        }
      });
    });
  }
});

async function late(): Promise<'late'> {
  return await new Promise((resolve) => setTimeout(resolve, limit(2_000), 'late'));
}
