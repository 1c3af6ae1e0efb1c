import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { FROM_SOURCE } from '../support/from-source.ts';
import { PRODUCT_VARIABLE } from '../support/product.ts';
import { tempDir } from '../support/temp-dir.ts';

const scripts = join(import.meta.dirname, '../../scripts');

/** What a runner makes of a file with one test that is not skipped and one that is. */
function runSkipping(t: TestContext, ci: string): { readonly code: number | null; readonly said: string } {
  const directory = tempDir(t);
  const [file, runner] = [join(directory, 'some.test.mjs'), join(directory, 'runner.mjs')];
  const tests =
    "test('runs', () => {}); test('checks', { skip: 'needs promtool, of the package prometheus' }, () => {});";
  writeFileSync(file, `import { test } from 'node:test'; ${tests}`);
  writeFileSync(
    runner,
    `import { runSuite } from ${JSON.stringify(join(scripts, 'test-runner.ts'))};
    process.exitCode = await runSuite({ files: [${JSON.stringify(file)}], streams: 1, testLimit: 60_000 });`,
  );
  return run([runner], { CI: ci, [PRODUCT_VARIABLE]: '/bin/true' });
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): { readonly code: number | null; readonly said: string } {
  const [node, ...options] = FROM_SOURCE;
  // A runner within a runner would take itself for one of its files.
  const { NODE_TEST_CONTEXT: _, ...own } = process.env;
  const { status, stdout, stderr } = spawnSync(node, [...options, ...args], {
    env: { ...own, ...env },
    encoding: 'utf8',
  });
  return { code: status, said: stdout + stderr };
}

describe('a test that is skipped', () => {
  test('is a failure with CI=true, and listed with its reason', (t) => {
    const { code, said } = runSkipping(t, 'true');
    assert.equal(code, 1, said);
    assert.match(said, /^skipped tests:\n {2}needs promtool, of the package prometheus: .*some\.test\.mjs: checks$/m);
  });

  test('is listed, and no failure, for somebody who develops', (t) => {
    const { code, said } = runSkipping(t, '');
    assert.equal(code, 0, said);
    assert.match(said, /^ {2}needs promtool, of the package prometheus: /m);
  });
});

test('a package that cannot be installed ends CI before its first test', (t) => {
  const programs = tempDir(t);
  const fake = (name: string, body: string): void => {
    writeFileSync(join(programs, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  };
  fake('dpkg-query', '[ "$3" = prometheus ] || printf installed');
  fake('apt-get', 'echo "E: Package $* is forbidden" >&2; exit 100');
  const { code, said } = run([join(scripts, 'test-packages.ts')], { PATH: `${programs}:/usr/bin:/bin` });
  assert.equal(code, 1, said);
  const reason = process.getuid?.() === 0 ? /forbidden/ : /expected the packages prometheus; do: sudo apt-get/;
  assert.match(said, reason);
  assert.match(said, /prometheus/);
});
