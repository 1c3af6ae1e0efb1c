import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync } from 'node:fs';
import { mkdir, mkdtempDisposable, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { alone } from '../../scripts/alone.ts';
import { limit } from '../support/limits.ts';

const run = promisify(execFile);
const cache = join(import.meta.dirname, '../../dist/.cache');

/** What every machine has. What many tests need is added here: the next run makes new images. */
const EVERYWHERE: readonly string[] = [
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

/** What a machine has beside that. Each image is unpacked into memory for each machine, so that it should be small. */
const IMAGES = {
  plain: [],
  consumers: ['libfcgi-bin', 'nginx-light', 'php-fpm', 'rclone', 's3cmd'],
  supervisors: [
    ...['cron', 'dnsmasq', 'haproxy', 'nginx-light', 'rsyslog'],
    ...['dbus-user-session', 'libpam-systemd', 'monit', 'runit', 's6', 'supervisor', 'zsh'],
  ],
  upgraded: ['unattended-upgrades'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** What only `test/release` boots. */
const RELEASE_IMAGES = {
  ansible: ['python3', 'python3-apt'],
  daemons: [
    'apache2',
    'bind9',
    'cron',
    'dnsmasq',
    'dovecot-core',
    'exim4-daemon-light',
    'gunicorn',
    'haproxy',
    'libfcgi-bin',
    'lighttpd',
    'monit',
    'mosquitto',
    'nginx-light',
    'openbsd-inetd',
    'openssh-server',
    'php-fpm',
    'postgresql',
    'prometheus',
    'redis-server',
    'rsyslog',
    'runit',
    'squid',
    'supervisor',
    'tor',
    'unbound',
    'uwsgi-core',
    'uwsgi-plugin-python3',
    'vsftpd',
  ],
  recipes: ['daemontools', 'duplicity', 'gdal-bin', 'pgbackrest', 'python3-boto3'],
  runtimes: ['r-base-core'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Debian 12, for `test/system`. */
export const ALL_IMAGES = Object.keys(IMAGES) as (keyof typeof IMAGES)[];

/** Other releases of Debian, by name, for `test/release`: each has another systemd. */
export const SUITES = ['bullseye', 'bookworm', 'trixie', 'sid'] as const;
type Suite = (typeof SUITES)[number];

export type Image = keyof typeof IMAGES | keyof typeof RELEASE_IMAGES | Suite;

const SUITE = 'bookworm';
const MIRROR = 'http://deb.debian.org/debian';

const isSuite = (image: Image): image is Suite => (SUITES as readonly string[]).includes(image);

/** The options of dpkg hold while the image is made, and not for the packages that are tested in it. */
const options = (image: Image): readonly string[] => [
  '--quiet',
  '--variant=essential',
  `--include=${[...EVERYWHERE, ...(isSuite(image) ? [] : { ...IMAGES, ...RELEASE_IMAGES }[image])].join(',')}`,
  '--aptopt=Acquire::Retries "5"',
  '--aptopt=Apt::Install-Recommends "false"',
  // Its index may be older than it says, where a mirror is behind.
  ...(image === 'sid' ? ['--aptopt=Acquire::Check-Valid-Until "false"'] : []),
  ...['doc', 'man', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
  '--customize-hook=rm "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"',
];

/** Half a minute on an idle machine, and as long as the network takes; milliseconds. */
const LIMIT = 600_000;
/** A download may break off beyond what apt tries again by itself. */
const TRIES = 3;

/**
 * Path of a Debian root with systemd, as a tar: made from the package sources of this host, or those of another release,
 * and kept for as long as the same packages are wanted. Rejects where it cannot be made.
 */
export async function machineImage(image: Image): Promise<string> {
  const own = globSync(['/etc/apt/sources.list', '/etc/apt/sources.list.d/*.{list,sources}']).sort();
  const [suite, sources] = isSuite(image) ? [image, [`deb ${MIRROR} ${image} main`]] : [SUITE, own];
  const key = createHash('sha256').update(JSON.stringify([suite, options(image), sources]));
  const path = join(cache, `machine-${key.digest('hex').slice(0, 16)}.tar.zst`);
  if (existsSync(path)) return path;
  await mkdir(cache, { recursive: true });
  await alone(`${path}.lock`, async () => {
    if (existsSync(path)) return;
    await using work = await mkdtempDisposable(join(cache, '.machine-'));
    const made = join(work.path, 'image.tar.zst');
    await makeImage([...options(image), suite, made, ...sources]);
    await rename(made, path);
  });
  return path;
}

async function makeImage(args: readonly string[], tries = TRIES): Promise<void> {
  try {
    await run('mmdebstrap', args, { timeout: limit(LIMIT) });
  } catch (error) {
    if (tries === 1) throw error;
    await makeImage(args, tries - 1);
  }
}
