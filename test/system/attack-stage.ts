import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { openSite, reportOf, type Ended, type RunOptions, type Site } from '../support/agent.ts';
import { limit } from '../support/limits.ts';
import { assertNoSecretBelow } from '../support/secrets.ts';
import { layGround, type Ground } from './attack-ground.ts';

/**
 * No pass may take longer, whatever the user does: the deadline of what acts as the user, which is ten seconds, and what
 * a pass needs itself; milliseconds.
 */
const DEADLINE = 10_000 + limit(5_000);

type Report = ReturnType<typeof reportOf>;

/** Set a trap, have root make a pass, look at what became of it. */
export interface Stage {
  readonly site: Site;
  readonly ground: Ground;
  /** A rotation with these sinks and one of root's own, which must be fresh afterwards. Gives its report. */
  readonly pass: (config: Settings, options?: RunOptions) => Promise<Pass>;
  /** Runs the executable, which must end in time. */
  readonly run: (args: readonly string[], options?: RunOptions) => Promise<Ended & { readonly pid: number }>;
}

/** Each look at a file takes a millisecond longer, as on a busy machine: windows between two steps are wide open. */
export const SLOWED: RunOptions = {
  through: [
    ...['strace', '--follow-forks', '--quiet=all', '--output=/dev/null', '--trace=statx,fstat,newfstatat,openat'],
    '--inject=statx,fstat,newfstatat,openat:delay_exit=1000',
  ],
};

export interface Settings {
  readonly sinks?: readonly object[];
  readonly consumers?: Readonly<Record<string, object>>;
  readonly [key: string]: unknown;
}

export interface Pass extends Report {
  /** Of the process that made it. */
  readonly pid: number;
}

export async function openStage(t: TestContext, user: number): Promise<Stage> {
  const site = await openSite(t);
  const run: Stage['run'] = (args, options) => runInTime(site, args, options);
  return {
    site,
    ground: layGround(t, user),
    run,
    pass: async ({ sinks = [], ...others }, options) => {
      const trusted = site.path('out/trusted.json');
      const config = site.configure({ ...others, sinks: [...sinks, { path: trusted, format: 'json' }] });
      site.metadata.rotate();
      const ended = await run(['once', '--json', ...config], options);
      assert.ok(isCurrent(site, trusted), `the sink of root is not fresh\n${ended.stdout}${ended.stderr}`);
      return { ...reportOf(ended), pid: ended.pid };
    },
  };
}

/** Whether a file holds the credentials of now. */
export function isCurrent(site: Site, path: string): boolean {
  return readFileSync(path, 'latin1').includes(site.metadata.current().token);
}

/** Whether a pass and `check` say the same of a sink: both good, or both not. */
export async function agree(
  { site, run, pass }: Stage,
  sink: { readonly path: string; readonly format: string },
): Promise<string> {
  const checked = await run(['check', ...site.configure({ sinks: [sink] })]).then(({ code }) => code);
  const result = resultOf(await pass({ sinks: [sink] }), sink.path);
  assert.equal(checked === 0, !result.startsWith('SINK_'), `check ends with ${checked}, the pass says ${result}`);
  return result;
}

/** What became of a sink: `written`, or the code of its error. */
export function resultOf({ sinks }: Pick<Report, 'sinks'>, path: string): string {
  const sink = sinks.find((one) => one.path === path) ?? assert.fail(`no word of ${path}`);
  return sink.error?.code ?? sink.result;
}

/** What became of a consumer, or the code of its error. */
export function newsOf({ consumers }: Pick<Report, 'consumers'>, name: string): string {
  const consumer = consumers.find((one) => one.name === name) ?? assert.fail(`no word of ${name}`);
  return consumer.error?.code ?? consumer.result ?? '';
}

export async function runInTime(
  site: Site,
  args: readonly string[],
  options?: RunOptions,
): Promise<Ended & { readonly pid: number }> {
  const running = site.start(args, options);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    running.process.kill('SIGKILL');
    // Not even SIGKILL ends what waits for a file system that took the request.
    running.process.stdout?.destroy();
    running.process.stderr?.destroy();
    running.process.emit('close');
  }, DEADLINE);
  const ended = await running.ended;
  clearTimeout(timer);
  assert.ok(!isLate, `${args.join(' ')} took longer than ${DEADLINE} ms`);
  for (const name of ['state', 'run']) assertNoSecretBelow(site.path(name));
  return { ...ended, pid: running.process.pid ?? 0 };
}
