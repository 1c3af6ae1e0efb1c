// Everything that is wrong with the sources and that no test of the product finds, and the tests of these checks. Every
// check runs, whatever the others say.
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { importProblems } from './imports.ts';
import { runSuite } from './test-runner.ts';

const root = dirname(import.meta.dirname);

/** Each returns what it found; nothing when all is well. */
const checks: Readonly<Record<string, () => Promise<string>>> = {
  format: () => tool('prettier', '--check', '--log-level=warn', '.'),
  lint: () => tool('eslint', '--max-warnings=0', '.'),
  types: () => tool('tsc', '--project', '.', '--pretty', 'false'),
  imports: async () => (await importProblems(root)).join('\n'),
  'dead code': () => tool('knip', '--no-progress', '--treat-config-hints-as-errors'),
};

const results = await Promise.all(
  Object.entries(checks).map(async ([name, run]) => {
    const problems = await run().catch(String);
    console.log(problems === '' ? `ok      ${name}` : `failed  ${name}\n${problems}\n`);
    return problems === '';
  }),
);
const files = globSync('test/checks/*.test.ts', { cwd: root }).map((file) => join(root, file));
const code = await runSuite({ files, streams: availableParallelism(), testLimit: 60_000 });
process.exitCode = results.every(Boolean) ? code : 1;

/** Output of a failing tool; empty when it succeeds. */
function tool(name: string, ...args: string[]): Promise<string> {
  const file = join(root, 'node_modules/.bin', name);
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { cwd: root, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      resolve(error === null ? '' : `${stdout}${stderr}`.trim() || error.message);
    });
  });
}
