import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { importProblems } from '../../scripts/imports.ts';
import { tempDir } from '../support/temp-dir.ts';

const sound: Readonly<Record<string, string>> = {
  'node_modules/undici/package.json': '{"name":"undici","main":"index.js"}',
  'node_modules/undici/index.js': '',
  'src/core/errors.ts': "import { inspect } from 'node:util'; export const show = inspect;",
  'src/notify/signal.ts': "export { show } from '../core/errors.ts';",
  'src/sinks/contract.ts': 'export interface Rendered { bytes: Buffer }',
  'src/sinks/formats/json.ts': "import type { Rendered } from '../contract.ts'; export type Json = Rendered;",
  'src/rotation/state.ts': 'export interface State { at: number } export const load = (): State => ({ at: 0 });',
  'src/report/status.ts': "import type { State } from '../rotation/state.ts'; export type Status = State;",
  'src/system/http.ts':
    "import 'undici'; import 'node:ffi'; import 'node:sea'; import { show } from '../core/errors.ts'; export { show };",
  'src/main.ts': "import './system/http.ts'; import './notify/signal.ts';",
};

const planted: Readonly<Record<string, { file: string; text: string; rule: RegExp }>> = {
  'a core that imports a stage': {
    file: 'src/core/planted.ts',
    text: "import { show } from '../notify/signal.ts'; export { show };",
    rule: /^src\/core\/planted\.ts -> src\/notify\/signal\.ts: core\/ may import @noble\/hashes /,
  },
  'a core that touches the file system': {
    file: 'src/core/planted.ts',
    text: "import { readFileSync } from 'node:fs'; export { readFileSync };",
    rule: /^src\/core\/planted\.ts -> fs: core\/ may import @noble\/hashes beside itself, purely/,
  },
  'a stage that imports another, for its types alone': {
    file: 'src/sinks/planted.ts',
    text: "import type { show } from '../notify/signal.ts'; export type { show };",
    rule: /^src\/sinks\/planted\.ts -> src\/notify\/signal\.ts: sinks\/ may import core\//,
  },
  'a stage that imports the system': {
    file: 'src/source/imds/planted.ts',
    text: "import '../../system/http.ts';",
    rule: /^src\/source\/imds\/planted\.ts -> src\/system\/http\.ts: source\/ may import core\//,
  },
  'a format that imports how sinks are written': {
    file: 'src/sinks/formats/planted.ts',
    text: "import '../write/replace.ts';",
    rule: /^src\/sinks\/formats\/planted\.ts -> src\/sinks\/write\/replace\.ts: sinks\/formats\/ may import/,
  },
  'the place of a sink that imports how it is written': {
    file: 'src/sinks/place/planted.ts',
    text: "import '../write/replace.ts';",
    rule: /^src\/sinks\/place\/planted\.ts -> src\/sinks\/write\/replace\.ts: sinks\/place\/ may import/,
  },
  'a package of the system outside it, imported late': {
    file: 'src/rotation/planted.ts',
    text: "export const late = () => import('undici');",
    rule: /^src\/rotation\/planted\.ts -> node_modules\/undici\/index\.js: rotation\/ may import/,
  },
  'a report that runs code of the rotation': {
    file: 'src/report/planted.ts',
    text: "import { load } from '../rotation/state.ts'; export { load };",
    rule: /^src\/report\/planted\.ts -> src\/rotation\/state\.ts: report\/ may import only types of rotation\//,
  },
  'a rotation that imports the report': {
    file: 'src/rotation/planted.ts',
    text: "import '../report/status.ts';",
    rule: /^src\/rotation\/planted\.ts -> src\/report\/status\.ts: rotation\/ may import/,
  },
  'a product that imports its tests': {
    file: 'src/main.ts',
    text: "import '../test/planted.ts';",
    rule: /^src\/main\.ts -> test\/planted\.ts: main\.ts may import/,
  },
  'a folder without a rule': {
    file: 'src/helpers/planted.ts',
    text: "import '../core/errors.ts';",
    rule: /^src\/helpers\/planted\.ts -> src\/core\/errors\.ts: a file of src\/ belongs to a folder with a rule/,
  },
  'an import of nothing': {
    file: 'src/cli/planted.ts',
    text: "import './gone.ts';",
    rule: /^src\/cli\/planted\.ts -> \.\/gone\.ts: an import leads to a file/,
  },
  'a cycle': {
    file: 'src/core/errors.ts',
    text: "import './planted.ts';",
    rule: /^src\/core\/(errors|planted)\.ts -> .*: imports make no cycle/,
  },
};

/** What the planted imports lead to. */
const targets: Readonly<Record<string, string>> = {
  'src/core/planted.ts': "import './errors.ts';",
  'src/sinks/write/replace.ts': '',
  'test/planted.ts': '',
};

describe('import check', () => {
  test('passes a tree that keeps the rules', async (t) => {
    assert.deepEqual(await importProblems(tree(t, sound)), []);
  });

  for (const [name, { file, text, rule }] of Object.entries(planted)) {
    test(`finds ${name}`, async (t) => {
      const problems = await importProblems(tree(t, { ...sound, ...targets, [file]: text }));
      assert.ok(problems.length > 0);
      for (const problem of problems) assert.match(problem, rule);
    });
  }

  test('fails when there is nothing to read', async (t) => {
    assert.match((await importProblems(tree(t, { 'src/README.md': '' }))).join('\n'), /src: no modules$/);
  });

  // Cause: with a TypeScript that it does not know, dependency-cruiser reads no .ts file and reports success.
  // Here it is a directory of that name which it passes over.
  test('names a file that was not read', async (t) => {
    const root = tree(t, { ...sound, 'src/core/unread.ts/README.md': '' });
    assert.deepEqual(await importProblems(root), ['src/core/unread.ts: was not read']);
  });
});

function tree(context: TestContext, files: Readonly<Record<string, string>>): string {
  const root = tempDir(context);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}
