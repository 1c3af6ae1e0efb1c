import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { FAULT_KINDS } from '../../src/simulator/faults.ts';

const root = resolve(import.meta.dirname, '../..');

/** A row of the tables: what is claimed, and the tests that show it. */
interface Claim {
  readonly what: string;
  readonly tests: readonly (readonly [file: string, name: string])[];
}

/** The rows whose last cell names tests: the file in code, and the name as its source has it. */
function claimsOf(page: string): Claim[] {
  return page.split('\n').flatMap((line): Claim[] => {
    const cells =
      /^\| (.*) \|$/
        .exec(line)?.[1]
        ?.split(' | ')
        .map((cell) => cell.trim()) ?? [];
    const last = cells.at(-1) ?? '';
    if (!last.startsWith('`')) return [];
    const tests = last.split(' · ').map((one): [string, string] => {
      const [, file = '', name = ''] = /^`([\w/-]+)` (.+)$/.exec(one) ?? [];
      return [file, name];
    });
    return [{ what: cells[0] ?? '', tests }];
  });
}

/** A name is what a test or a group is called with, or begins a row of a table that tests are made of. */
function isNamed(source: string, name: string): boolean {
  return [`'${name}'`, `"${name}"`, `\`${name}`, `${name}\``].some((literal) => source.includes(literal));
}

const page = readFileSync(resolve(root, 'docs/imds.md'), 'utf8');

test('every fault that can be rehearsed is named', () => {
  assert.deepEqual(
    Object.keys(FAULT_KINDS).filter((kind) => !page.includes(`\`${kind}\``)),
    [],
  );
});

for (const [name, rows] of [
  ['imds', 80],
  ['sources', 20],
] as const)
  describe(`every rule that docs/${name}.md gives is shown by a test`, () => {
    const claims = claimsOf(readFileSync(resolve(root, `docs/${name}.md`), 'utf8'));

    test('the tables are read', () => {
      assert.ok(claims.length > rows, `${claims.length} rows`);
    });

    for (const { what, tests } of claims) {
      for (const [file, name] of tests) {
        test(`${what}: ${file}, ${name}`, () => {
          const source = readFileSync(resolve(root, 'test', `${file}.test.ts`), 'utf8');
          assert.ok(name !== '' && isNamed(source, name), `test/${file}.test.ts has no test ${name}`);
        });
      }
    }
  });
