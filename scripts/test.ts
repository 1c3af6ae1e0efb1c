// Builds the product, then runs all tests but test/system, which needs root and more, and test/checks, which belongs to
// `npm run check`. Arguments are parts of file names, and a pattern of names of tests: `npm test -- sinks --test-name-pattern=symlink`.
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { runSuite, selectionOf } from './test-runner.ts';

const root = dirname(import.meta.dirname);
const { parts, pattern } = selectionOf(process.argv.slice(2));
const elsewhere = ['test/system/**', 'test/checks/**'];
const found = globSync('test/**/*.test.ts', { cwd: root, exclude: elsewhere })
  .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
  .sort();

/** Files that take long begin first, so that none is left to run alone at the end. */
const LONG = ['e2e/', 'budget/', 'completion.', 'faults/'];
const isLong = (file: string): boolean => LONG.some((name) => file.includes(name));
const files = [...found.filter(isLong), ...found.filter((file) => !isLong(file))].map((file) => join(root, file));

process.exitCode = files.length === 0 ? nothingToRun() : await runTests();

function nothingToRun(): number {
  console.error(`test: expected files below test/ whose names contain ${parts.join(' or ') || '.test.ts'}, found none`);
  return 1;
}

async function runTests(): Promise<number> {
  return await runSuite({ files, pattern, streams: availableParallelism() + 1, testLimit: 60_000 });
}
