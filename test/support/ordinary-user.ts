import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chownSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { limit } from './limits.ts';
import { tempDir } from './temp-dir.ts';
import { FROM_SOURCE } from './from-source.ts';

const NOBODY = 65_534;

/** A test of what only an ordinary user can show. Root has nobody run it, in a process of their own. */
export function testAsOrdinaryUser(file: string, name: string, work: (t: TestContext) => void | Promise<void>): void {
  const isRoot = process.getuid?.() === 0;
  test(name, isRoot ? (t) => runAsNobody(t, file, name) : work);
}

async function runAsNobody(t: TestContext, file: string, name: string): Promise<void> {
  const TMPDIR = tempDir(t);
  chownSync(TMPDIR, NOBODY, NOBODY);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  // Nobody can neither write where it is built, nor ask git, which trusts no repository of somebody else, of what.
  const { executable, PRODUCT_VARIABLE } = await import('./product.ts');
  const node = [...FROM_SOURCE, '--test-reporter=tap'];
  const become = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const pattern = `--test-name-pattern=${RegExp.escape(name)}$`;
  const options = { env: { ...env, TMPDIR, [PRODUCT_VARIABLE]: executable }, timeout: limit(60_000) };
  const said = await new Promise<string>((resolve) => {
    execFile('setpriv', [...become, ...node, pattern, file], options, (error, stdout, stderr) => {
      resolve(`${stdout}${stderr}${error?.message ?? ''}`);
    });
  });
  assert.match(
    said,
    /^# pass 1\n# fail 0$/m,
    `${said}\n(nobody must be able to enter the directories of this project)`,
  );
}
