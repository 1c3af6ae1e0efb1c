import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { NAMES } from '../package/product.ts';
import type { RepositoryOrder } from '../repository.ts';
import type { Signer } from './signer.ts';

const run = promisify(execFile);

export const POOL = 'pool/main/c/credrotate';

/** One for all releases of Debian and Ubuntu: one package runs on all of them. */
const SUITE = 'stable';
const COMPONENT = 'main';
const DAY = 86_400;

/** Makes the indexes of what is in the pool. Earlier ones stay under their hashes, for clients in the midst of an update. */
export async function indexApt({ to, date, days }: RepositoryOrder, signer: Signer): Promise<void> {
  const apt = join(to, 'apt');
  const suite = join(apt, 'dists', SUITE);
  const architectures = Object.values(NAMES).map(({ deb }) => deb);
  for (const architecture of architectures)
    await indexOf(apt, join(suite, COMPONENT, `binary-${architecture}`), architecture);
  const release = join(apt, 'Release');
  await writeFile(release, await releaseText(suite, architectures, { from: date, until: date + days * DAY }));
  await signer.inline(release, join(suite, 'InRelease'));
  await signer.detached(release, join(suite, 'Release.gpg'));
  await rename(release, join(suite, 'Release'));
}

async function indexOf(apt: string, directory: string, architecture: string): Promise<void> {
  const hashes = join(directory, 'by-hash/SHA256');
  await mkdir(hashes, { recursive: true });
  const { stdout } = await run('apt-ftparchive', ['--arch', architecture, 'packages', POOL], {
    cwd: apt,
    maxBuffer: 1 << 26,
  });
  await writeFile(join(directory, 'Packages'), stdout);
  await run('sh', ['-c', 'gzip -9nk -f Packages; xz -9k -f Packages'], { cwd: directory });
  for (const name of ['Packages', 'Packages.gz', 'Packages.xz']) {
    const path = join(directory, name);
    const hash = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    await copyFile(path, join(hashes, hash));
  }
}

interface Validity {
  /** Seconds since 1970. */
  readonly from: number;
  readonly until: number;
}

/** With SHA-256 alone: apt asks for the strongest hash that is listed, and by-hash has no other. */
async function releaseText(
  suite: string,
  architectures: readonly string[],
  { from, until }: Validity,
): Promise<string> {
  for (const name of ['Release', 'InRelease', 'Release.gpg']) await rm(join(suite, name), { force: true });
  const fields = {
    Origin: 'credrotate',
    Label: 'credrotate',
    Suite: SUITE,
    Codename: SUITE,
    Architectures: architectures.join(' '),
    Components: COMPONENT,
    'Acquire-By-Hash': 'yes',
    Date: rfc2822(from),
  };
  const options = [
    ...['MD5', 'SHA1', 'SHA512'].map((name) => `APT::FTPArchive::${name}=no`),
    'APT::FTPArchive::DoByHash=false',
    ...Object.entries(fields).map(([name, value]) => `APT::FTPArchive::Release::${name}=${value}`),
  ];
  const { stdout } = await run('apt-ftparchive', [...options.flatMap((option) => ['-o', option]), 'release', suite]);
  // apt-ftparchive counts its own from the clock, whatever the date.
  return stdout.replace(/^Date: .*$/m, (line) => `${line}\nValid-Until: ${rfc2822(until)}`);
}

function rfc2822(seconds: number): string {
  return new Date(seconds * 1000).toUTCString().replace('GMT', 'UTC');
}
