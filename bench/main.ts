// Measures what credrotate costs beside the alternatives, on this machine and in one run: prints a table, writes
// bench/results.json and docs/performance.svg. It needs curl, wget and jq, which the script that it is compared with runs.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from '../scripts/build.ts';
import { plainBundle } from '../scripts/bundle.ts';
import { performance } from '../scripts/pictures/performance.ts';
import { HOST, strippedRuntime } from '../scripts/runtime.ts';
import { figure, printRows, verdict, type Row } from './rows.ts';
import { existingRows } from './rows/existing.ts';
import { memoryRows } from './rows/memory.ts';
import { sizeRows } from './rows/sizes.ts';
import { sourceRows } from './rows/sources.ts';
import { startupRows } from './rows/startup.ts';
import { tellingRows } from './rows/telling.ts';
import { trafficRows } from './rows/traffic.ts';
import { writingRows } from './rows/writing.ts';
import type { Setting } from './setting.ts';
import { Site } from './site.ts';

const GROUPS = {
  startup: startupRows,
  writing: writingRows,
  existing: existingRows,
  telling: tellingRows,
  traffic: trafficRows,
  memory: memoryRows,
  sources: sourceRows,
  sizes: sizeRows,
};
const TOOLS = ['curl', 'wget', 'jq'];
const root = dirname(import.meta.dirname);

process.exitCode = await main(process.argv.slice(2));

/** Arguments choose groups; without any, all are measured and the results are kept. */
async function main(chosen: readonly string[]): Promise<number> {
  const missing = TOOLS.filter((tool) => !existsSync(`/usr/bin/${tool}`));
  if (missing.length > 0) {
    console.error(`bench: expected ${missing.join(', ')} in /usr/bin: apt-get install ${missing.join(' ')}`);
    return 1;
  }
  await using site = await Site.open('close');
  const setting = await settingAt(site);
  const rows: Row[] = [];
  for (const [name, measure] of Object.entries(GROUPS)) {
    if (chosen.length > 0 && !chosen.includes(name)) continue;
    console.error(`bench: ${name} ...`);
    rows.push(...(await measure(setting)));
  }
  console.log(`\n${machine()}\n\n${printRows(rows)}\n`);
  if (chosen.length === 0) keep(rows, versions(setting));
  const failures = new Set(rows.flatMap(({ against }) => against?.value.failure ?? []));
  for (const failure of failures) console.log(`a peer failed: ${failure}`);
  const missed = rows.filter((row) => verdict(row) === 'MISSED').length;
  if (missed > 0) console.log(`budgets missed: ${missed}`);
  else console.log(failures.size > 0 ? 'every budget is met that could be compared' : 'every budget is met');
  return missed + failures.size === 0 ? 0 : 1;
}

async function settingAt(site: Site): Promise<Setting> {
  const executable = await build();
  // Pages of a file that was just written would count as its process's own.
  spawnSync('/bin/sync', [executable]);
  const bundle = site.write('plain.cjs', await plainBundle());
  const aws = process.env['AWS_CLI'] ?? ['/usr/bin/aws', '/usr/local/bin/aws'].find((path) => existsSync(path));
  return { executable, node: await strippedRuntime(HOST), plainBundle: bundle, aws, site };
}

function machine(): string {
  const [cpu] = cpus();
  return `Linux ${release()}, ${process.arch}, ${availableParallelism()} x ${cpu?.model ?? 'unknown'}; Node ${process.version}`;
}

/** What is compared with, each in its own words. */
function versions({ aws }: Setting): Record<string, string> {
  const tools = { ...Object.fromEntries(TOOLS.map((tool) => [tool, `/usr/bin/${tool}`])), ...(aws && { aws }) };
  return Object.fromEntries(
    Object.entries(tools).map(([name, path]) => {
      const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
      return [name, stdout.split('\n')[0] ?? ''];
    }),
  );
}

function keep(rows: readonly Row[], against: Record<string, string>): void {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
  const results = {
    version,
    machine: machine(),
    against,
    rows: rows.map((row) => ({ ...row, figure: figure(row), verdict: verdict(row) })),
  };
  writeFileSync(join(root, 'bench/results.json'), `${JSON.stringify(results, undefined, 2)}\n`);
  mkdirSync(join(root, 'docs'), { recursive: true });
  writeFileSync(join(root, 'docs/performance.svg'), performance(rows));
}
