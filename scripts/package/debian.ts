// Debian's part of the container image, held by digest in packaging/image/debian.txt.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtempDisposable, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { Architecture } from '../runtime.ts';
import { NAMES, OUTPUT, ROOT } from './product.ts';

const run = promisify(execFile);

const PINS = join(ROOT, 'packaging/image/debian.txt');
const SUITE = 'trixie';
/** The loader and the C library, what Node is linked to beside them, process 1, and the licences of all of them. */
const WANTED = ['base-files', 'catatonit', 'gcc-14-base', 'libc6', 'libgcc-s1', 'libstdc++6'];
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const SOURCES = [
  `deb [signed-by=${KEYRING}] http://deb.debian.org/debian ${SUITE} main`,
  `deb [signed-by=${KEYRING}] http://deb.debian.org/debian-security ${SUITE}-security main`,
];

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** The package's own description, as dpkg's status has it. */
  readonly control: string;
  /** The package here. */
  readonly file: string;
}

/** Fetches those of an architecture, unless they are here, and checks them. */
export async function debianPackages(architecture: Architecture): Promise<readonly DebianPackage[]> {
  const [stamp = '', ...pins] = readFileSync(PINS, 'utf8').trimEnd().split('\n');
  const own = pins.filter((line) => line.endsWith(`_${NAMES[architecture].deb}.deb`));
  if (own.length !== WANTED.length)
    throw new Error(`${PINS}: expected ${WANTED.length} packages for ${architecture}, got ${own.length}`);
  const packages: DebianPackage[] = [];
  for (const line of own) {
    const [sha256 = '', url = ''] = line.split('  ');
    const file = await fetchOnce(url, sha256, stamp.slice('# '.length));
    const { stdout: control } = await run('dpkg-deb', ['--field', file]);
    packages.push({ ...nameAndVersion(control), sha256, control, file });
  }
  return packages;
}

function nameAndVersion(control: string): { readonly name: string; readonly version: string } {
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(control)?.[1] ?? '';
  return { name: field('Package'), version: field('Version') };
}

/** A mirror has the newest packages alone; the snapshots have each one for ever. */
async function fetchOnce(url: string, sha256: string, stamp: string): Promise<string> {
  const cache = join(OUTPUT, '.cache');
  const kept = join(cache, `${sha256}.deb`);
  if (existsSync(kept)) return kept;
  await mkdir(cache, { recursive: true });
  await using work = await mkdtempDisposable(join(cache, '.debian-'));
  const file = join(work.path, basename(kept));
  const snapshot = url.replace(/^http:\/\/deb\.debian\.org\/([^/]+)/, `http://snapshot.debian.org/archive/$1/${stamp}`);
  // Keeps nothing that has another digest.
  const download = (from: string): Promise<unknown> =>
    run('/usr/lib/apt/apt-helper', ['download-file', from, file, `SHA256:${sha256}`]);
  await download(url).catch(() => download(snapshot));
  await rename(file, kept);
  return kept;
}

/** Pins what Debian has today, signed by Debian. */
export async function renewPins(): Promise<void> {
  await using work = await mkdtempDisposable(join(OUTPUT, '.debian-'));
  const lines: string[] = [];
  await mkdir(join(work.path, 'lists/partial'), { recursive: true });
  await writeFile(join(work.path, 'sources'), `${SOURCES.join('\n')}\n`);
  await writeFile(join(work.path, 'status'), '');
  for (const { deb } of Object.values(NAMES)) {
    const settings = {
      'APT::Architecture': deb,
      'APT::Architectures': deb,
      'APT::Sandbox::User': 'root',
      'APT::Update::Error-Mode': 'any',
      'Dir::Cache': work.path,
      'Dir::Etc::sourcelist': join(work.path, 'sources'),
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::State::lists': join(work.path, 'lists'),
      'Dir::State::status': join(work.path, 'status'),
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['--option', `${name}=${value}`]);
    await run('apt-get', [...options, 'update']);
    const { stdout } = await run('apt-get', [...options, '--quiet', '--print-uris', 'download', ...WANTED]);
    for (const [, url = '', sha256 = ''] of stdout.matchAll(/^'(\S+)' \S+ \d+ SHA256:(\S+)$/gm))
      lines.push(`${sha256}  ${url}\n`);
  }
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  await writeFile(PINS, [`# ${stamp}\n`, ...lines].join(''));
}
