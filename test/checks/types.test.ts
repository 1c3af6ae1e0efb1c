import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '../..');
const DECLARATION = /^(?:export )?(?:declare )?(?:interface|type|(?:abstract )?class|enum) (\w+)/gm;

test('no two files of src/ declare a type of the same name', () => {
  const files = globSync('src/**/*.ts', { cwd: ROOT });
  const declared = files.flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(DECLARATION)].map(([, name = '']) => ({ name, file })),
  );
  assert.ok(declared.length > 300);
  const twice = [...Map.groupBy(declared, ({ name }) => name)].filter(([, where]) => where.length > 1);
  assert.deepEqual(
    twice.map(([name, where]) => `${name}: ${where.map(({ file }) => file).join(', ')}`),
    [],
  );
});
