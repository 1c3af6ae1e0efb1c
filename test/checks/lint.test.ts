import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ESLint } from 'eslint';

const root = join(import.meta.dirname, '../..');

/** Text that must not pass in the file, and the rule that says so. */
const planted: readonly (readonly [file: string, text: string, rule: string])[] = [
  ['src/planted.ts', 'Promise.resolve();', '@typescript-eslint/no-floating-promises'],
  ['src/planted.ts', 'process.exit(1);', 'no-restricted-properties'],
  ['src/planted.ts', 'process.exitCode = 1;', 'no-restricted-properties'],
  ['src/planted.ts', "import { exit } from 'node:process'; exit(1);", 'no-restricted-imports'],
  ['src/planted.ts', "console.log('');", 'no-console'],
  ['src/planted.ts', 'export const here = import.meta.url;', 'no-restricted-syntax'],
  ['src/planted.ts', "export { readFileSync } from 'fs';", 'no-restricted-imports'],
  ['src/planted.ts', "export { lstatSync } from 'node:fs';", 'no-restricted-imports'],
  ['src/planted.ts', "import * as fs from 'node:fs'; fs.fsyncSync(1);", 'no-restricted-imports'],
  ['src/planted.ts', "export { open } from 'node:fs/promises';", 'no-restricted-imports'],
  ['src/planted.ts', '\n'.repeat(351), 'max-lines'],
  ['src/planted.ts', `export function long(): number {${'\n'.repeat(40)}return 1; }`, 'max-lines-per-function'],
];

describe('lint', () => {
  // The planted file is not there, so that it belongs to no project of TypeScript's but this one.
  const eslint = new ESLint({
    cwd: root,
    overrideConfig: {
      languageOptions: {
        parserOptions: { projectService: { allowDefaultProject: ['src/planted.ts'] } },
      },
    },
  });

  for (const [file, text, rule] of planted) {
    test(`holds in ${file}: ${rule}`, async () => {
      const results = await eslint.lintText(text, { filePath: join(root, file) });
      const broken = results.flatMap(({ messages }) => messages.map((message) => message.ruleId));
      assert.deepEqual(broken, [rule]);
    });
  }
});
