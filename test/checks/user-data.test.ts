import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { hasTool } from '../support/tools.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const SCRIPTS: Readonly<Record<string, () => string>> = {
  'packaging/user-data/install.sh': () => read('packaging/user-data/install.sh'),
  'the commands of packaging/user-data/cloud-config.yaml': () => {
    const config = parse(read('packaging/user-data/cloud-config.yaml')) as { readonly runcmd: readonly string[] };
    return config.runcmd.join('\n');
  },
  'the commands of packaging/ssm/credrotate.yaml': () => {
    const [, steps = ''] = /runCommand:\n([^]*)$/.exec(read('packaging/ssm/credrotate.yaml')) ?? [];
    // Systems Manager puts in one of the words that the document allows.
    return (parse(steps) as readonly string[]).join('\n').replace('{{ action }}', '$ACTION');
  },
  'the lines of docs/user-data.md': () => /```sh\n(#![^`]*)```/.exec(read('docs/user-data.md'))?.[1] ?? '',
  'those that use the repository': () =>
    /repository .*\n\n```sh\n(#![^`]*)```/.exec(read('docs/user-data.md'))?.[1] ?? '',
};

describe('user data', { skip: !hasTool('shellcheck') && 'needs the package shellcheck' }, () => {
  for (const [name, script] of Object.entries(SCRIPTS))
    test(`${name}: shellcheck finds nothing`, () => {
      const input = script();
      assert.notEqual(input, '');
      const { status, stdout } = spawnSync('shellcheck', ['--shell=sh', '-'], { input, encoding: 'utf8' });
      assert.equal(status, 0, stdout);
    });
});
