// Builds the product, then runs all tests but test/system and test/release, which need root and more, and test/checks,
// which belongs to `npm run check`. Arguments are parts of file names, and a pattern of names of tests: `npm test -- sinks --test-name-pattern=symlink`.
import { globSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HERE_VARIABLE } from '../test/support/in-process.ts';
import { runSuite, selectionOf } from './test-runner.ts';

const root = dirname(import.meta.dirname);
const { parts, pattern } = selectionOf(process.argv.slice(2));
const elsewhere = ['test/system/**', 'test/release/**', 'test/checks/**'];
const found = globSync('test/**/*.test.ts', { cwd: root, exclude: elsewhere })
  .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
  .sort();

/** Files of one folder share a process, to start which costs as much as to run a small file: so many at most. */
const TOGETHER = 16;
/** Of these each has its own: they change or measure the process, or take long. */
const ALONE = ['budget/', 'faults/', 'memory.', 'log-stream.'];
/** Files that take long begin first, so that none is left to run alone at the end. */
const LONG = ['faults/', 'e2e', 'budget/', 'source'];

const isOf = (parts: readonly string[]) => (file: string) => parts.some((part) => file.includes(part));
const isLong = isOf(LONG);
const files = byLength(joined(found.map((file) => join(root, file))));

process.exitCode = files.length === 0 ? nothingToRun() : await runTests();

function nothingToRun(): number {
  console.error(`test: expected files below test/ whose names contain ${parts.join(' or ') || '.test.ts'}, found none`);
  return 1;
}

async function runTests(): Promise<number> {
  process.env[HERE_VARIABLE] = 'true';
  return await runSuite({ files, pattern, streams: availableParallelism() + 1, testLimit: 120_000 });
}

function byLength(all: readonly string[]): readonly string[] {
  return [...all.filter(isLong), ...all.filter((file) => !isLong(file))];
}

/** In place of files of one folder, some that load them. */
function joined(all: readonly string[]): readonly string[] {
  const directory = join(root, 'dist/.cache/joined');
  mkdirSync(directory, { recursive: true });
  const isAlone = isOf(ALONE);
  const folders = Map.groupBy(
    all.filter((file) => !isAlone(file)),
    (file) => relative(join(root, 'test'), file).split('/')[0] ?? '',
  );
  const loaders = [...folders].flatMap(([folder, own]) => {
    const processes = Math.ceil(own.length / TOGETHER);
    return Array.from({ length: processes }, (_, index) => {
      // Neighbours, which are often alike, are dealt out.
      const [first, ...others] = own.filter((_file, place) => place % processes === index);
      if (first === undefined || others.length === 0) return first ?? [];
      const loader = join(directory, `${folder}-${index + 1}.test.mjs`);
      writeFileSync(
        loader,
        [first, ...others].map((file) => `import ${JSON.stringify(pathToFileURL(file))};\n`).join(''),
      );
      return loader;
    }).flat();
  });
  return [...loaders, ...all.filter(isAlone)];
}
