import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { compile } from '../faults/compile.ts';
import { tally } from '../faults/tally.ts';
import { openSite, reportOf, type Ended, type Site } from '../support/agent.ts';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import { assertNoSecretBelow } from '../support/secrets.ts';
import { layGround, MALLORY, type Ground } from './attack-ground.ts';

export interface Attack {
  readonly what: string;
  /** The user's sinks, below the home. */
  readonly sinks: readonly string[];
  /** Before the race, and between passes while the user's programs stand still. */
  readonly plant?: (ground: Ground) => void;
  /** Arguments of attacker.c, for each process that the user runs. */
  readonly attackers: (ground: Ground) => readonly (readonly string[])[];
}

/** No pass may take longer, whatever the user does: the deadline of what acts as the user, and some more; milliseconds. */
const DEADLINE = limit(15_000);

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
      ...paths.map((path) => ({ path, format: 'dotenv', owner: MALLORY })),
      { path: site.path('out/trusted.json'), format: 'json' },
    ],
  });
  using crew = new Crew(t, program, ground);
  await crew.watch();
  crew.attack(attack);
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

async function runInTime(site: Site, args: readonly string[]): Promise<Ended> {
  const running = site.start(args);
  const timer = setTimeout(() => {
    running.process.kill('SIGKILL');
  }, DEADLINE);
  const ended = await running.ended;
  clearTimeout(timer);
  assert.equal(ended.signal, null, `a pass took longer than ${String(DEADLINE)} ms`);
  assertNoSecretBelow(site.path('state'));
  assertNoSecretBelow(site.path('run'));
  return ended;
}

/** What the user left in the way is gone: now the sinks are written, and nothing else is left of us. */
async function assertRecovers(site: Site, { home }: Ground, config: readonly string[]): Promise<void> {
  for (const name of readdirSync(home)) rmSync(join(home, name), { recursive: true });
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

/** The programs of the user, and one of root's that watches. */
class Crew implements Disposable {
  readonly #program: string;
  readonly #ground: Ground;
  readonly #attackers: ChildProcess[] = [];
  readonly #watchers: ChildProcess[] = [];
  #said = '';

  constructor(t: TestContext, program: string, ground: Ground) {
    this.#ground = ground;
    this.#program = join(ground.base, 'attacker');
    // Where its user can reach it.
    copyFileSync(program, this.#program);
    t.after(() => {
      this[Symbol.dispose]();
    });
  }

  async watch(): Promise<void> {
    const { files, directories } = this.#ground.watched();
    for (const [flags, paths] of [
      ['r', files],
      ['w', directories],
    ] as const) {
      this.#watchers.push(this.#listen(spawn(this.#program, ['watch', flags, ...paths.map(ofThisProcess)])));
    }
    await eventually('the watch', () => this.#said === 'watching\n'.repeat(2));
    this.#said = '';
  }

  attack({ attackers }: Attack): void {
    const ids = { uid: MALLORY, gid: MALLORY, cwd: '/', env: {} };
    for (const args of attackers(this.#ground)) this.#attackers.push(this.#listen(spawn(this.#program, args, ids)));
  }

  /** What the user's programs were glad of, and what the watch has seen. */
  said(): string {
    return this.#said;
  }

  /** All stand still when it resolves. */
  async pause(): Promise<void> {
    for (const attacker of this.#attackers) attacker.kill('SIGSTOP');
    for (const { pid } of this.#attackers) {
      await eventually('they stand still', () => /^State:\s*T/m.test(readFileSync(`/proc/${pid}/status`, 'latin1')));
    }
  }

  goOn(): void {
    for (const attacker of this.#attackers) attacker.kill('SIGCONT');
  }

  /** Before root's files are read. */
  leave(): void {
    assert.ok([...this.#attackers, ...this.#watchers].every((one) => one.exitCode === null && one.signalCode === null));
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    for (const one of [...this.#attackers, ...this.#watchers]) one.kill('SIGKILL');
  }

  #listen(program: ChildProcess): ChildProcess {
    program.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
    return program;
  }
}

/** The vaults are held by this process. */
function ofThisProcess(path: string): string {
  return path.replace('/proc/self/', `/proc/${process.pid}/`);
}
