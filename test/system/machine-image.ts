import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync } from 'node:fs';
import { mkdir, mkdtempDisposable, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { alone } from '../../scripts/alone.ts';

const run = promisify(execFile);
const cache = join(import.meta.dirname, '../../dist/.cache');

/** What every machine has. What many tests need is added here: the next run makes a new image. */
const PACKAGES: readonly string[] = [
  'apt',
  'ca-certificates',
  'cloud-init',
  'curl',
  'dbus',
  'iproute2',
  'libatomic1',
  'nftables',
  'procps',
  'python3-minimal',
  'rpm',
  'systemd',
  'systemd-sysv',
];

const SUITE = 'bookworm';

/** The options of dpkg hold while the image is made, and not for the packages that are tested in it. */
const options = (more: readonly string[]): readonly string[] => [
  '--quiet',
  '--variant=essential',
  `--include=${[...PACKAGES, ...more].join(',')}`,
  '--aptopt=Apt::Install-Recommends "false"',
  ...['doc', 'man', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
  '--customize-hook=rm "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"',
];

/** Half a minute on an idle machine; milliseconds. */
const LIMIT = 240_000;

/**
 * A Debian root with systemd, as a tar: made from the package sources of this host, and kept for the next run. Rejects
 * where it cannot be made. With `more` packages it is an image of its own, that other machines need not unpack.
 */
export async function machineImage(more: readonly string[]): Promise<string> {
  const sources = globSync(['/etc/apt/sources.list', '/etc/apt/sources.list.d/*.{list,sources}']).sort();
  const key = createHash('sha256').update(JSON.stringify([SUITE, options(more), sources]));
  const image = join(cache, `machine-${key.digest('hex').slice(0, 16)}.tar.zst`);
  if (existsSync(image)) return image;
  await mkdir(cache, { recursive: true });
  await alone(`${image}.lock`, async () => {
    if (existsSync(image)) return;
    await using work = await mkdtempDisposable(join(cache, '.machine-'));
    const made = join(work.path, 'image.tar.zst');
    await run('mmdebstrap', [...options(more), SUITE, made, ...sources], { timeout: LIMIT });
    await rename(made, image);
  });
  return image;
}
