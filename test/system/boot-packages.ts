import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);

/** The same package as a later version. */
export async function nextVersion(t: TestContext, deb: string): Promise<string> {
  const directory = tempDir(t);
  const tree = join(directory, 'tree');
  const made = join(directory, 'credrotate_next.deb');
  await run('dpkg-deb', ['--raw-extract', deb, tree]);
  const control = readFileSync(join(tree, 'DEBIAN/control'), 'utf8');
  writeFileSync(join(tree, 'DEBIAN/control'), control.replace(/^Version: .*$/m, 'Version: 1000'));
  await run('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, made]);
  return made;
}
