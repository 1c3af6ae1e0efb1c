import { execFile } from 'node:child_process';
import { copyFile, mkdir, rename, utimes } from 'node:fs/promises';
import { existsSync, globSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { NAMES } from '../package/product.ts';
import type { RepositoryOrder } from '../repository.ts';
import type { Signer } from './signer.ts';

const run = promisify(execFile);

/** Signs a package and adds it. One that is there already keeps its signature. */
export async function addRpm(file: string, to: string, signer: Signer): Promise<void> {
  const architecture = /\.([^.]+)\.rpm$/.exec(file)?.[1] ?? '';
  const target = join(to, 'rpm', architecture, basename(file));
  if (existsSync(target)) {
    if ((await contentOf(target)) === (await contentOf(file))) return;
    throw new Error(`${target}: expected what is in ${file}, got something else: a new package needs a new version`);
  }
  await mkdir(dirname(target), { recursive: true });
  const unsigned = `${target}.unsigned`;
  await copyFile(file, unsigned);
  await signer.rpm(unsigned);
  await rename(unsigned, target);
}

/** The digest of all but its signature. */
async function contentOf(rpm: string): Promise<string> {
  const { stdout } = await run('rpm', [
    '--query',
    '--package',
    '--nosignature',
    '--queryformat',
    '%{SHA256HEADER}',
    rpm,
  ]);
  return stdout;
}

/** Makes the index of each architecture. */
export async function indexYum({ to, date }: RepositoryOrder, signer: Signer): Promise<void> {
  for (const { rpm: architecture } of Object.values(NAMES)) {
    const directory = join(to, 'rpm', architecture);
    await mkdir(directory, { recursive: true });
    // The index records when the files were written.
    for (const file of globSync(join(directory, '*.rpm'))) await utimes(file, date, date);
    const revision = ['--revision', String(date), '--set-timestamp-to-revision'];
    await run('createrepo_c', ['--quiet', '--no-database', '--checksum', 'sha256', ...revision, directory]);
    await signer.detached(join(directory, 'repodata/repomd.xml'), join(directory, 'repodata/repomd.xml.asc'));
  }
}
