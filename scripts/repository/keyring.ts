import { execFile } from 'node:child_process';
import { mkdtempDisposable, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { text } from '../package/contents.ts';
import { HOMEPAGE, MAINTAINER } from '../package/product.ts';
import { stage } from '../package/stage.ts';

const run = promisify(execFile);

/** A Debian package that keeps the keys of the repository on a host, so that the next one is there before it signs. */
export async function keyringPackage(
  keys: string,
  date: number,
): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
  await using work = await mkdtempDisposable(join(tmpdir(), 'credrotate-keyring-'));
  const version = new Date(date * 1000).toISOString().replace(/\D/g, '').slice(0, 14);
  const control = `Package: credrotate-archive-keyring
Version: ${version}
Architecture: all
Maintainer: ${MAINTAINER}
Homepage: ${HOMEPAGE}
Section: misc
Priority: optional
Multi-Arch: foreign
Description: keys of the package repository of credrotate
 The keys by which apt knows what the maintainers of credrotate have published,
 the next one included as soon as there is one.
`;
  const tree = join(work.path, 'tree');
  const files = [text('usr/share/keyrings/credrotate-archive-keyring.asc', keys), text('DEBIAN/control', control)];
  stage(tree, files, date);
  const made = join(work.path, 'made.deb');
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(date) };
  await run('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', tree, made], { env });
  return { name: `credrotate-archive-keyring_${version}_all.deb`, bytes: await readFile(made) };
}
