import assert from 'node:assert/strict';
import { chownSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { compile } from '../faults/compile.ts';
import { tally } from '../faults/tally.ts';
import { openSite, reportOf, type Site } from '../support/agent.ts';
import { limit } from '../support/limits.ts';
import { Crew } from './attack-crew.ts';
import { layGround, type Ground } from './attack-ground.ts';
import { runInTime } from './attack-stage.ts';

export interface Attack {
  readonly what: string;
  /** The user's sinks, below the home. */
  readonly sinks: readonly string[];
  /** Before the race, and between passes while the user's programs stand still. */
  readonly plant?: (ground: Ground) => void;
  /** Arguments of attacker.c, for each process that the user runs. */
  readonly attackers: (ground: Ground) => readonly (readonly string[])[];
}

/** Beside other work an attack may miss the first passes; milliseconds. */
const PATIENCE = limit(60_000);

/**
 * Makes passes beside an attack for so many seconds, and until one met it; looks after each at all that was promised.
 */
export async function survive(t: TestContext, attack: Attack, seconds: number): Promise<void> {
  const program = await compile(join(import.meta.dirname, 'attacker.c'), '-Wno-unused-result');
  if (program === undefined) {
    t.skip('needs cc: the attacker is made of test/system/attacker.c');
    return;
  }
  const site = await openSite(t);
  const ground = layGround(t);
  attack.plant?.(ground);
  const paths = attack.sinks.map((name) => join(ground.home, name));
  const config = site.configure({
    sinks: [
      ...paths.map((path) => ({ path, format: 'dotenv', owner: ground.user })),
      { path: site.path('out/trusted.json'), format: 'json' },
    ],
  });
  using crew = new Crew(t, program, ground);
  await crew.watch();
  crew.attack(attack.attackers(ground));
  const results = new Map<string, number>();
  const isMet = (): boolean => [...results.keys()].some((result) => result.startsWith('SINK_'));
  const begun = performance.now();
  const goesOn = (): boolean => performance.now() < begun + (isMet() ? seconds * 1_000 : PATIENCE);
  await tally(t, attack.what, async (attempt) => {
    for (let n = 1; n === 1 || goesOn(); n++) {
      await crew.pause();
      attack.plant?.(ground);
      crew.goOn();
      await attempt(async () => {
        for (const result of await makePass(site, config, n % 6 === 0 ? paths : [])) count(results, result);
        await crew.pause();
        ground.inspect();
        assert.equal(crew.said(), '', 'the user was let in, or a file of root opened or changed');
      });
    }
  });
  t.diagnostic([...results].map(([result, times]) => `${result} ${String(times)}`).join(', '));
  assert.ok(isMet(), 'no pass met the attack');
  crew.leave();
  ground.inspectContents();
  await assertRecovers(site, ground, config);
}

/** A rotation, or the forgetting of the user's sinks. Gives what became of these. */
async function makePass(
  site: Site,
  config: readonly string[],
  forgotten: readonly string[],
): Promise<readonly string[]> {
  const isForget = forgotten.length > 0;
  if (!isForget) site.metadata.rotate();
  const args = isForget ? ['forget', '--force', ...forgotten] : ['once', '--json'];
  const ended = await runInTime(site, [...args, ...config]);
  assert.ok([0, 73, 77].includes(ended.code ?? -1), ended.stdout + ended.stderr);
  const trusted = readFileSync(site.path('out/trusted.json'), 'utf8');
  assert.ok(trusted.includes(site.metadata.current().token), 'the sink of root is not fresh');
  if (isForget)
    return [...ended.stdout.matchAll(/^(\w+) +\/|^ +(SINK_\w+): /gm)].map(([, what, code]) => what ?? code ?? '');
  const { sinks } = reportOf(ended);
  return sinks.slice(0, -1).map(({ result, error }) => error?.code ?? result);
}

/** What the user left in the way is gone: now the sinks are written, and nothing else is left of us. */
async function assertRecovers(site: Site, { home, user }: Ground, config: readonly string[]): Promise<void> {
  for (const name of readdirSync(home)) rmSync(join(home, name), { recursive: true });
  // Of the way to a user's sink only the last directory may be missing.
  for (const name of ['a', 'b']) {
    mkdirSync(join(home, name));
    chownSync(join(home, name), user, user);
  }
  site.metadata.rotate();
  const ended = await runInTime(site, ['once', '--json', ...config]);
  assert.equal(ended.code, 0, ended.stdout);
  for (const { path } of reportOf(ended).sinks) {
    assert.ok(readFileSync(path, 'utf8').includes(site.metadata.current().token), path);
  }
  assert.match(site.state(), /"temps": \[\]/);
}

function count(results: Map<string, number>, result: string): void {
  results.set(result, (results.get(result) ?? 0) + 1);
}
