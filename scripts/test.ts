// Builds the product, then runs all tests but test/system and test/release, which need root and more, and test/checks,
// which belongs to `npm run check`. Arguments are parts of file names, and a pattern of names of tests: `npm test -- sinks --test-name-pattern=symlink`.
import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runSuite, selectionOf } from './test-runner.ts';

const root = dirname(import.meta.dirname);
const { parts, pattern } = selectionOf(process.argv.slice(2));
const elsewhere = ['test/system/**', 'test/release/**', 'test/checks/**'];
const found = globSync('test/**/*.test.ts', { cwd: root, exclude: elsewhere })
  .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
  .sort();

/** Folders of small files, each of which shares a process: to start one costs as much as to run a small file. */
const JOINED = ['config', 'core', 'doctor', 'lockdown', 'report', 'rotation', 'sinks/formats', 'source'];
/** Files that take long begin first, so that none is left to run alone at the end. */
const LONG = ['e2e/', 'budget/', 'completion.', 'faults/', 'joined/source'];

const isLong = (file: string): boolean => LONG.some((part) => file.includes(part));
const files = byLength(joined(found.map((file) => join(root, file))));

process.exitCode = files.length === 0 ? nothingToRun() : await runTests();

function nothingToRun(): number {
  console.error(`test: expected files below test/ whose names contain ${parts.join(' or ') || '.test.ts'}, found none`);
  return 1;
}

async function runTests(): Promise<number> {
  return await runSuite({ files, pattern, streams: availableParallelism() + 1, testLimit: 60_000 });
}

function byLength(all: readonly string[]): readonly string[] {
  return [...all.filter(isLong), ...all.filter((file) => !isLong(file))];
}

/** In place of the files of each such folder, one that loads them. */
function joined(all: readonly string[]): readonly string[] {
  const directory = join(root, 'dist/.cache/joined');
  mkdirSync(directory, { recursive: true });
  const folderOf = (file: string): string | undefined =>
    JOINED.find((name) => dirname(file) === join(root, 'test', name));
  const loaders = JOINED.flatMap((folder) => {
    const own = all.filter((file) => folderOf(file) === folder);
    if (own.length === 0) return [];
    const loader = join(directory, `${folder.replace('/', '-')}.test.mjs`);
    writeFileSync(loader, own.map((file) => `import ${JSON.stringify(pathToFileURL(file))};\n`).join(''));
    return [loader];
  });
  return [...loaders, ...all.filter((file) => folderOf(file) === undefined)];
}
