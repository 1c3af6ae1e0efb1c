// Runs the tests that need root: installs the Debian packages that they use, and gives them mounts of their own. Ends
// with a table of what was tried against the product. Arguments are parts of file names, or options for Node.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtempDisposable } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { FiledTally, Tally } from '../test/faults/tally.ts';
import { PACKAGES } from '../test/system/packages.ts';
import { build } from './build.ts';

const run = promisify(execFile);
const root = dirname(import.meta.dirname);
const options = process.argv.slice(2).filter((argument) => argument.startsWith('-'));
const parts = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const files = globSync('test/system/*.test.ts', { cwd: root })
  .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
  .sort();

/** Files that take a minute and more begin first, so that none is left to run alone at the end. */
const LONG = ['faults-kill', 'soak'];

/** Most files wait about as long as they compute. */
const STREAMS = availableParallelism() + 1;

process.exitCode = await main();

async function main(): Promise<number> {
  if (process.getuid?.() !== 0)
    return trouble('expected root, who mounts and becomes others: sudo npm run test:system');
  if (files.length === 0) return trouble(`expected files in test/system whose names contain ${parts.join(' or ')}`);
  await installPackages();
  await build();
  await using work = await mkdtempDisposable(join(tmpdir(), 'credrotate-tests-'));
  const table = join(work.path, 'table');
  console.log(`test:system: ${files.length} files, ${STREAMS} at a time; what they say is shown file by file`);
  const code = await runTests(table);
  if (existsSync(table)) printTable(readTable(table));
  return code;
}

function trouble(message: string): number {
  console.error(`test:system: ${message}`);
  return 1;
}

/** Without them, tests are skipped that say so. */
async function installPackages(): Promise<void> {
  const installed = await Promise.all(PACKAGES.map(isInstalled));
  const missing = PACKAGES.filter((_, index) => installed[index] === false);
  if (missing.length === 0) return;
  console.log(`test:system: installing the packages ${missing.join(', ')} ...`);
  const install = ['--yes', '--quiet', '--no-install-recommends', 'install', ...missing];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run('apt-get', ['--quiet', 'update'], { env });
    await run('apt-get', install, { env });
  } catch (error) {
    console.error(
      `test:system: they could not be installed: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

async function isInstalled(name: string): Promise<boolean> {
  const query = run('dpkg-query', ['--show', '--showformat=${db:Status-Status}', name]);
  return await query.then(
    ({ stdout }) => stdout === 'installed',
    () => false,
  );
}

/**
 * What the files mount is seen by nobody but them, and goes with them. Node sorts the files that it is given: an
 * absolute path comes before all others.
 */
async function runTests(table: string): Promise<number> {
  const limits = [`--test-concurrency=${STREAMS}`, '--test-timeout=600000'];
  const runner = ['--disable-warning=ExperimentalWarning', '--test', ...limits];
  const sorted = files.map((file) => (LONG.some((name) => file.includes(name)) ? join(root, file) : file));
  const inOwnMounts = ['--mount', '--propagation', 'private', process.execPath, ...runner, ...options, ...sorted];
  const child = spawn('unshare', inOwnMounts, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, CREDROTATE_TABLE: table, CREDROTATE_HOST_MOUNTS: readlinkSync('/proc/self/ns/mnt') },
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
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
