// Builds the product, then runs the tests with Node's own runner: all but test/system, which needs root and more.
// Arguments are parts of file names, or options for Node: `npm test -- sinks --test-name-pattern=symlink`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { build } from './build.ts';

const root = dirname(import.meta.dirname);
const options = process.argv.slice(2).filter((argument) => argument.startsWith('-'));
const parts = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const files = globSync('test/**/*.test.ts', { cwd: root, exclude: ['test/system/**'] })
  .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
  .sort();

await build();
process.exitCode = files.length === 0 ? nothingToRun() : await runTests();

function nothingToRun(): number {
  console.error(`test: expected files below test/ whose names contain ${parts.join(' or ') || '.test.ts'}, found none`);
  return 1;
}

async function runTests(): Promise<number> {
  const runner = [
    '--disable-warning=ExperimentalWarning',
    '--test',
    `--test-concurrency=${availableParallelism()}`,
    '--test-timeout=60000',
  ];
  const child = spawn(process.execPath, [...runner, ...options, ...files], {
    cwd: root,
    stdio: 'inherit',
    // Milliseconds. The limit above is for a test; a child that one left behind can still hold up its file.
    timeout: 300_000,
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}
