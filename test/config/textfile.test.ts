import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { needsRoot } from '../support/consumer.ts';
import { tempDir } from '../support/temp-dir.ts';
import { loadFrom, loadYaml } from './harness.ts';

const NOBODY = 65_534;

function textfileIn(t: TestContext, mode: number): { readonly directory: string; readonly textfile: string } {
  const directory = join(tempDir(t), 'collector');
  mkdirSync(directory);
  chmodSync(directory, mode);
  return { directory, textfile: join(directory, 'credrotate.prom') };
}

describe('the file for metrics', () => {
  test('is where it was configured to be', (t) => {
    const { textfile } = textfileIn(t, 0o755);
    assert.deepEqual(loadYaml(t, `sinks: []\nmetrics: { textfile: ${textfile} }`).metrics, { textfile });
    assert.deepEqual(loadYaml(t, 'sinks: []').metrics, {});
  });

  for (const [what, mode, refusal] of [
    ['root alone', 0o755, /^(?!.*collector)/],
    ['a group', 0o775, /collector: expected a directory that its owner alone can write/],
    ['everybody, although it is sticky', 0o1777, /collector: expected a directory of one owner/],
  ] as const) {
    test(`in a directory where ${what} may write`, { skip: needsRoot }, (t) => {
      const { textfile } = textfileIn(t, mode);
      const home = tempDir(t);
      writeFileSync(join(home, 'credrotate.yaml'), `sinks: []\nmetrics: { textfile: ${textfile} }\n`);
      assert.match(loadFrom(home, 0).text, refusal);
    });
  }

  test('is refused for root where a user could put something in its place', { skip: needsRoot }, (t) => {
    const { directory, textfile } = textfileIn(t, 0o755);
    const home = tempDir(t);
    writeFileSync(join(home, 'credrotate.yaml'), `sinks: []\nmetrics: { textfile: ${textfile} }\n`);
    assert.equal(loadFrom(home, 0).result.ok, true);
    chownSync(directory, NOBODY, NOBODY);
    const { result, text } = loadFrom(home, 0);
    assert.equal(result.ok, false);
    assert.match(
      text,
      /^credrotate\.yaml:2:22: metrics\.textfile: \S+: expected a path of root alone, got a part of it owned by uid 65534\n/,
    );
  });
});
