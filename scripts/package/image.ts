// The container image, as the Open Container Initiative lays it out: an index, and for each architecture a manifest, a
// configuration and one layer, each a file that is named by its digest.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, globSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import packageJson from '../../package.json' with { type: 'json' };
import { text, type Installed } from './contents.ts';
import type { DebianPackage } from './debian.ts';
import { NAMES, HOMEPAGE, SOURCE_REPOSITORY, VERSION, type Order } from './product.ts';
import { stage } from './stage.ts';

const run = promisify(execFile);

/** What distributions without packages call their user without rights. */
const USER = 65_532;
const STATE = 'var/lib/credrotate';
const RUNTIME = 'run/credrotate';

/** Of Debian's packages, beside their licences. `lib` and `lib64` are links. */
const FROM_DEBIAN = [
  'lib',
  'lib64',
  'usr/lib*/ld-linux-*',
  'usr/lib/*/{ld-linux-*,libc.so.*,libdl.so.*,libm.so.*,libpthread.so.*,libgcc_s.so.*,libstdc++.so.*}',
  'usr/lib/os-release',
  'etc/os-release',
  'usr/bin/catatonit',
  'usr/share/common-licenses',
  'usr/share/doc/{base-files,catatonit,gcc-14-base,libc6}/copyright',
  'usr/share/doc/{libgcc-s1,libstdc++6}',
];

/** Of what the packages install. */
const OURS = /^(etc|usr\/(bin|lib\/credrotate|share\/(credrotate|licenses)))\//;

/** One architecture of it. */
export interface ImagePart {
  readonly order: Order;
  readonly installed: readonly Installed[];
  readonly debian: readonly DebianPackage[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Makes the image below an empty directory, and returns the path of the archive of its layout. */
export async function buildImage(directory: string, parts: readonly ImagePart[]): Promise<string> {
  const layout = join(directory, 'layout');
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true });
  const keep = (type: string, content: Uint8Array | object): Descriptor => keepBlob(layout, type, content);
  const manifests: object[] = [];
  for (const part of parts) {
    const layer = await buildLayer(join(directory, part.order.architecture), part);
    const platform = { architecture: NAMES[part.order.architecture].deb, os: 'linux' };
    const manifest = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: keep('config.v1+json', { ...configuration(part.order.date), ...platform, rootfs: rootOf(layer) }),
      layers: [keep('layer.v1.tar+gzip', gzipSync(layer, { level: part.order.fast ? 1 : 9 }))],
      annotations: annotations(part.order.date),
    };
    manifests.push({ ...keep('manifest.v1+json', manifest), platform });
  }
  const date = parts[0]?.order.date ?? 0;
  const header = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json' };
  const index = keep('index.v1+json', { ...header, manifests, annotations: annotations(date) });
  // The whole index under one name, for tools that copy all of it and for those that take what runs here.
  const named = { ...index, annotations: { 'org.opencontainers.image.ref.name': `credrotate:${VERSION}` } };
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ ...header, manifests: [named] }));
  writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  const archive = join(directory, 'made.tar');
  await run('tar', [
    ...same(date),
    '--mode=u=rwX,go=rX',
    ...ROOTS,
    '-cf',
    archive,
    '-C',
    layout,
    ...readdirSync(layout),
  ]);
  return archive;
}

function keepBlob(layout: string, type: string, content: Uint8Array | object): Descriptor {
  const bytes = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
  const digest = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(join(layout, 'blobs/sha256', digest), bytes);
  return { mediaType: `application/vnd.oci.image.${type}`, digest: `sha256:${digest}`, size: bytes.length };
}

function rootOf(layer: Uint8Array): object {
  return { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] };
}

function configuration(date: number): object {
  const created = new Date(date * 1000).toISOString();
  return {
    created,
    config: {
      User: `${String(USER)}:${String(USER)}`,
      Env: ['PATH=/usr/bin', `STATE_DIRECTORY=/${STATE}`, `RUNTIME_DIRECTORY=/${RUNTIME}`],
      // Process 1 passes signals on, and takes leave of what hooks leave behind.
      Entrypoint: ['/usr/bin/catatonit', '--', '/usr/bin/credrotate'],
      Cmd: ['run'],
      WorkingDir: '/',
      Labels: annotations(date),
    },
    history: [{ created, created_by: 'npm run image' }],
  };
}

function annotations(date: number): Readonly<Record<string, string>> {
  const values = {
    created: new Date(date * 1000).toISOString(),
    description: packageJson.description,
    licenses: packageJson.license,
    source: SOURCE_REPOSITORY,
    title: 'credrotate',
    url: HOMEPAGE,
    version: VERSION,
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`org.opencontainers.image.${name}`, value]));
}

/** The uncompressed layer: what runs needs no shell, and there is none. */
async function buildLayer(directory: string, { order, installed, debian }: ImagePart): Promise<Uint8Array> {
  const tree = join(directory, 'tree');
  await takeFromDebian(join(directory, 'debian'), tree, debian);
  stage(tree, [...installed.filter(({ path }) => OURS.test(path)), ...surroundings(debian)], order.date);
  const layer = join(directory, 'layer.tar');
  const tar = (options: readonly string[], paths: readonly string[]): Promise<unknown> =>
    run('tar', [...same(order.date), ...options, '-f', layer, '-C', tree, ...paths]);
  await tar(['-c', ...ROOTS, '--anchored', `--exclude=${STATE}`, `--exclude=${RUNTIME}`], readdirSync(tree));
  const own = ['-r', `--owner=${String(USER)}`, `--group=${String(USER)}`];
  await tar([...own, '--mode=0700'], [STATE]);
  await tar(own, [RUNTIME]);
  return readFileSync(layer);
}

const ROOTS = ['--owner=0', '--group=0'];

function same(date: number): readonly string[] {
  return ['--format=ustar', '--sort=name', '--numeric-owner', `--mtime=@${String(date)}`];
}

async function takeFromDebian(whole: string, tree: string, debian: readonly DebianPackage[]): Promise<void> {
  mkdirSync(whole, { recursive: true });
  for (const { file } of debian) await run('dpkg-deb', ['--extract', file, whole]);
  for (const path of FROM_DEBIAN.flatMap((pattern) => globSync(pattern, { cwd: whole })))
    cpSync(join(whole, path), join(tree, path), { recursive: true, verbatimSymlinks: true });
}

/** What a C library and programs that look for known faults expect of a system. */
function surroundings(debian: readonly DebianPackage[]): Installed[] {
  return [
    text('etc/passwd', `root:x:0:0:root:/:/nologin\ncredrotate:x:${String(USER)}:${String(USER)}::/:/nologin\n`),
    text('etc/group', `root:x:0:\ncredrotate:x:${String(USER)}:\n`),
    text('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    ...debian.map(({ name, control }) => text(`var/lib/dpkg/status.d/${name}`, control)),
    ...[STATE, RUNTIME].map((path) => ({ path, mode: 0o755 })),
  ];
}
