// Everything that is wrong with the sources and that no test finds. Every check runs, whatever the others say.
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { importProblems } from './imports.ts';

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
process.exitCode = results.every(Boolean) ? 0 : 1;

/** Output of a failing tool; empty when it succeeds. */
function tool(name: string, ...args: string[]): Promise<string> {
  const file = join(root, 'node_modules/.bin', name);
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { cwd: root, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      resolve(error === null ? '' : `${stdout}${stderr}`.trim() || error.message);
    });
  });
}
