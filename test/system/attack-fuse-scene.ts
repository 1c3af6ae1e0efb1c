import assert from 'node:assert/strict';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { tally } from '../faults/tally.ts';
import { NEWS } from './attack-ground.ts';
import { openServers, type Serving } from './attack-server.ts';
import { openStage, type Stage } from './attack-stage.ts';

type Lay = (name: string, text?: string) => string;

export interface Scene extends Stage {
  /** Makes a file, or a directory, of the user's that the file system shows, in `backing`; gives its path there. */
  readonly lay: Lay;
  /** Where the file system is mounted, once made for the user by {@link Scene.place}. */
  readonly place: Lay;
  readonly backing: string;
  /** What is laid is served over a place while `work` runs; then nobody with root's rights must have asked. */
  readonly beside: <T>(serving: Pick<Serving, 'at' | 'role'> & Partial<Serving>, work: () => Promise<T>) => Promise<T>;
}

async function openScene(t: TestContext): Promise<Scene | undefined> {
  const servers = await openServers(t);
  if (!servers) return undefined;
  const stage = await openStage(t, NEWS);
  const { ground } = stage;
  const make =
    (root: string): Lay =>
    (name, text) => {
      const path = join(root, name);
      if (text === undefined) mkdirSync(path, { recursive: true });
      else writeFileSync(path, text);
      chownSync(path, NEWS, NEWS);
      return path;
    };
  const backing = make(ground.base)('backing');
  return {
    ...stage,
    ...{ lay: make(backing), place: make(ground.home), backing },
    beside: async (serving, work) => {
      const server = await servers.serve({ by: NEWS, backing, ...serving });
      try {
        const result = await work();
        assert.deepEqual(server.asked(), [], 'root asked what a user serves');
        return result;
      } finally {
        await server.stop();
        ground.inspect();
      }
    },
  };
}

/** As often as it takes the answers to meet each step of a pass. */
const CHANGES = 12;
/** The server falls silent before the first answer, and after so many. */
const SILENCES = [0, 2, 5];

/** For each way in which a user's server can lie or be silent. */
export async function eachRole(
  t: TestContext,
  what: string,
  work: (scene: Scene, role: Serving['role']) => Promise<void>,
): Promise<void> {
  const scene = await openScene(t);
  if (!scene) return;
  const { open, closed } = scene.ground;
  const changing = Array.from({ length: CHANGES }, (_, n) => ['changing', n % 2 === 0 ? open : closed] as const);
  const silent = SILENCES.map((after) => ['silent', after] as const);
  for (const [kind, roles] of [
    ['answers change', [['honest'], ...changing]],
    ['never answers', silent],
  ] as const) {
    await tally(t, `FUSE by a user ${what}, ${kind}`, async (attempt) => {
      for (const role of roles) await attempt(() => work(scene, role));
    });
  }
  scene.ground.inspectContents();
}
