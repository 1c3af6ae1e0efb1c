import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { copy, DOCUMENTS, packed, text, type Installed } from './contents.ts';
import { HOMEPAGE, MAINTAINER, NAMES, ROOT, SOURCE_REPOSITORY, VERSION, type Order } from './product.ts';
import { bytesOf, stage } from './stage.ts';
import { bundledPackages, bundledVersions } from './third-party.ts';

const run = promisify(execFile);
const template = readFileSync(join(ROOT, 'packaging/deb/control'), 'utf8');

/** What only this kind has beside the common contents. */
export async function debContents(date: number): Promise<Installed[]> {
  return [
    text(`${DOCUMENTS}/copyright`, await copyright()),
    packed(`${DOCUMENTS}/changelog`, changelog(date)),
    copy('packaging/deb/lintian-overrides', 'usr/share/lintian/overrides/credrotate'),
  ];
}

/** Of the executable, with the licences of ours, of Node and of each package in it. */
async function copyright(): Promise<string> {
  const licences = (await bundledPackages()).map(({ license }) => license);
  const all = [...new Set(['Apache-2.0', 'MIT', ...licences])].sort().join(' and ');
  return readFileSync(join(ROOT, 'packaging/deb/copyright'), 'utf8').replace('@LICENCES@', all);
}

/** The form that Debian's tools read; what changed is told in the other one. */
function changelog(date: number): string {
  const when = new Date(date * 1000).toUTCString().replace('GMT', '+0000');
  const what = '  * What changed is told in CHANGELOG.md.gz.';
  return [`credrotate (${VERSION}) unstable; urgency=medium`, what, ` -- ${MAINTAINER}  ${when}\n`].join('\n\n');
}

/** Makes the package in an empty directory, and returns its path. */
export async function buildDeb(directory: string, installed: readonly Installed[], order: Order): Promise<string> {
  const tree = join(directory, 'tree');
  stage(tree, [...installed, ...(await control(installed, order))], order.date);
  const made = join(directory, 'made.deb');
  const compression = order.fast ? ['-Zgzip', '-z1'] : ['-Zxz', '-z6'];
  const options = { env: { ...process.env, SOURCE_DATE_EPOCH: String(order.date) } };
  await run('dpkg-deb', ['--root-owner-group', ...compression, '--build', tree, made], options);
  return made;
}

/** What dpkg itself reads. */
async function control(installed: readonly Installed[], { architecture }: Order): Promise<Installed[]> {
  const files = installed.flatMap((one) =>
    one.content === undefined ? [] : [{ ...one, bytes: bytesOf(one.content) }],
  );
  const kilobytes = files.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / 1024), installed.length);
  const bundled = await bundledVersions();
  const values: Readonly<Record<string, string>> = {
    VERSION,
    ARCHITECTURE: NAMES[architecture].deb,
    INSTALLED_SIZE: String(kilobytes),
    MAINTAINER,
    HOMEPAGE,
    SOURCE_REPOSITORY,
    BUNDLED: bundled.map(({ name, version }) => `${name} (= ${version})`).join(', '),
  };
  const fields = template.replace(/@(\w+)@/g, (_, name: string) => values[name] ?? '');
  const sums = files.map(({ path, bytes }) => `${createHash('md5').update(bytes).digest('hex')}  ${path}\n`);
  return [
    text('DEBIAN/control', fields),
    text('DEBIAN/md5sums', sums.sort().join('')),
    ...['postinst', 'prerm', 'postrm'].map((name) => copy(`packaging/deb/${name}`, `DEBIAN/${name}`, 0o755)),
  ];
}
