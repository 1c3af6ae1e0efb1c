import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Of one case, over all its runs, warm-up apart. */
export interface Stat {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly runs: number;
  /** What a peer said that failed; the numbers are NaN then. */
  readonly failure?: string;
}

export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Before each run, and not counted. */
  readonly before?: () => void | Promise<void>;
  /** Is not ours: that it fails ends nothing, and is a result. */
  readonly isPeer?: true;
}

const RUNS = 15;

export function statOf(values: readonly number[]): Stat {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? NaN;
  return { min: at(0), median: at(0.5), max: at(1), runs: sorted.length };
}

/** Milliseconds from start to end of whole processes, run in turn, so that a noisy moment falls on all of them. */
export async function timeCommands<Name extends string>(
  commands: Readonly<Record<Name, Command>>,
  runs = RUNS,
): Promise<Record<Name, Stat>> {
  const failures = new Map<Name, string>();
  const time = async (name: Name, command: Command): Promise<number> => {
    if (failures.has(name)) return NaN;
    await command.before?.();
    try {
      return runOnce(command);
    } catch (error) {
      if (command.isPeer !== true) throw error;
      failures.set(name, error instanceof Error ? error.message : String(error));
      return NaN;
    }
  };
  const stats = await interleave(
    mapValues(commands, (command, name) => () => time(name, command)),
    runs,
  );
  return mapValues(stats, (stat, name) => withFailure(stat, failures.get(name)));
}

function withFailure(stat: Stat, failure: string | undefined): Stat {
  return failure === undefined ? stat : { min: NaN, median: NaN, max: NaN, runs: 0, failure };
}

function runOnce({ argv: [program, ...args], env = {} }: Command): number {
  const started = performance.now();
  const { status, error, stderr } = spawnSync(program, args, { env: { PATH: '/usr/bin:/bin', ...env } });
  const took = performance.now() - started;
  if (error ?? status !== 0)
    throw new Error(`${program} ${args.join(' ')}: ended with ${String(status)}: ${String(stderr)}`);
  return took;
}

/** Each case measures itself; one turn of each before the first that counts. */
export async function interleave<Name extends string>(
  cases: Readonly<Record<Name, () => number | Promise<number>>>,
  runs = RUNS,
): Promise<Record<Name, Stat>> {
  const names = Object.keys(cases) as Name[];
  const values = mapValues(cases, () => [] as number[]);
  for (let run = -1; run < runs; run++) {
    for (const name of names) {
      const value = await cases[name]();
      if (run >= 0) values[name].push(value);
    }
  }
  return mapValues(values, statOf);
}

/** RSS would count pages of the executable, of which the page cache decides. */
export function privateMegabytes(pid: number | undefined): number {
  const text = readFileSync(`/proc/${String(pid)}/smaps_rollup`, 'utf8');
  return Number(/^Private_Dirty:\s+(\d+) kB$/m.exec(text)?.[1]) / 1024;
}

function mapValues<Name extends string, In, Out>(
  record: Readonly<Record<Name, In>>,
  map: (value: In, name: Name) => Out,
): Record<Name, Out> {
  const entries = Object.entries(record) as [Name, In][];
  return Object.fromEntries(entries.map(([name, value]) => [name, map(value, name)])) as Record<Name, Out>;
}
