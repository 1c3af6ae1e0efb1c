// Runs the tests that need root: installs the Debian packages that they use, and gives them mounts of their own. Ends
// with a table of what was tried against the product. Arguments are parts of file names, and a pattern of names of tests.
// With `--release` first, those of test/release, which take longer and are for releases.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { FiledTally, Tally } from '../test/faults/tally.ts';
import { FROM_SOURCE } from '../test/support/from-source.ts';
import { installPackages } from './test-packages.ts';
import { runSuite, selectionOf } from './test-runner.ts';

const root = dirname(import.meta.dirname);
const isRelease = process.argv[2] === '--release';
const { parts, pattern } = selectionOf(process.argv.slice(isRelease ? 3 : 2));
const folder = isRelease ? 'test/release' : 'test/system';
/** For one test; milliseconds. */
const TEST_LIMIT = isRelease ? 2_400_000 : 600_000;

/** Files that take a minute and more begin first, so that none is left to run alone at the end. */
const LONG = isRelease
  ? ['soak.', 'kills', 'systemds.', 'acceptance.']
  : ['soak.', 'attack', 'faults-kill.', 'boot-', 'clock.', 'package-upgrade.', 'consumers-'];

/** What the files mount is seen by nobody but them, and goes with them: the runner is in mounts of its own. */
const HOST_MOUNTS = 'CREDROTATE_HOST_MOUNTS';

process.exitCode = process.env[HOST_MOUNTS] === undefined ? await enterMounts() : await main();

async function enterMounts(): Promise<number> {
  if (process.getuid?.() !== 0)
    return trouble('expected root, who mounts and becomes others: sudo npm run test:system');
  // Without them tests are skipped, with the reason.
  await installPackages().catch((error: unknown) => trouble(String(error)));
  const again = [...FROM_SOURCE, ...process.argv.slice(1)];
  const child = spawn('unshare', ['--mount', '--propagation', 'private', ...again], {
    stdio: 'inherit',
    env: { ...process.env, [HOST_MOUNTS]: readlinkSync('/proc/self/ns/mnt') },
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

async function main(): Promise<number> {
  const found = globSync(`${folder}/*.test.ts`, { cwd: root })
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
    .sort();
  if (found.length === 0) return trouble(`expected files in ${folder} whose names contain ${parts.join(' or ')}`);
  const rank = (file: string): number => {
    const place = LONG.findIndex((name) => file.includes(name));
    return place < 0 ? LONG.length : place;
  };
  const files = found.sort((a, b) => rank(a) - rank(b)).map((file) => join(root, file));
  await using work = await mkdtempDisposable(join(tmpdir(), 'credrotate-tests-'));
  const table = join(work.path, 'table');
  process.env['CREDROTATE_TABLE'] = table;
  // Most files wait about as long as they compute.
  const code = await runSuite({ files, pattern, streams: availableParallelism() + 1, testLimit: TEST_LIMIT });
  if (existsSync(table)) printTable(readTable(table));
  return code;
}

function trouble(message: string): number {
  console.error(`test:system: ${message}`);
  return 1;
}
function readTable(path: string): FiledTally[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const rows = lines.map((line) => JSON.parse(line) as FiledTally);
  return rows.sort((a, b) => (a.file === b.file ? 0 : a.file < b.file ? -1 : 1));
}

function printTable(rows: readonly Tally[]): void {
  const cells = rows.map((row) => [row.case, row.tries, row.survived, row.lost].map(String));
  const table = [['case', 'tries', 'survived', 'lost'], ...cells];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  console.log(`\n${table.map(line).join('\n')}`);
}
