import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { copy, DOCUMENTS, packed, text, type Installed } from './contents.ts';
import { NAMES, ROOT, VERSION, type Order } from './product.ts';
import { bytesOf, stage } from './stage.ts';

const run = promisify(execFile);
const template = readFileSync(join(ROOT, 'packaging/deb/control'), 'utf8');

/** What only this kind has beside the common contents. */
export function debContents(date: number): Installed[] {
  return [
    copy('packaging/deb/copyright', `${DOCUMENTS}/copyright`),
    packed(`${DOCUMENTS}/changelog`, changelog(date)),
    copy('packaging/deb/lintian-overrides', 'usr/share/lintian/overrides/credrotate'),
  ];
}

/** The form that Debian's tools read; what changed is told in the other one. */
function changelog(date: number): string {
  const maintainer = /^Maintainer: (.*)$/m.exec(template)?.[1] ?? '';
  const when = new Date(date * 1000).toUTCString().replace('GMT', '+0000');
  const what = '  * What changed is told in CHANGELOG.md.gz.';
  return [`credrotate (${VERSION}) unstable; urgency=medium`, what, ` -- ${maintainer}  ${when}\n`].join('\n\n');
}

/** Makes the package in an empty directory, and returns its path. */
export async function buildDeb(directory: string, installed: readonly Installed[], order: Order): Promise<string> {
  const tree = join(directory, 'tree');
  stage(tree, [...installed, ...control(installed, order)], order.date);
  const made = join(directory, 'made.deb');
  const compression = order.fast ? ['-Zgzip', '-z1'] : ['-Zxz', '-z6'];
  const options = { env: { ...process.env, SOURCE_DATE_EPOCH: String(order.date) } };
  await run('dpkg-deb', ['--root-owner-group', ...compression, '--build', tree, made], options);
  return made;
}

/** What dpkg itself reads. */
function control(installed: readonly Installed[], { architecture }: Order): Installed[] {
  const files = installed.flatMap((one) =>
    one.content === undefined ? [] : [{ ...one, bytes: bytesOf(one.content) }],
  );
  const kilobytes = files.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / 1024), installed.length);
  const fields = template
    .replace('@VERSION@', VERSION)
    .replace('@ARCHITECTURE@', NAMES[architecture].deb)
    .replace('@INSTALLED_SIZE@', String(kilobytes));
  const sums = files.map(({ path, bytes }) => `${createHash('md5').update(bytes).digest('hex')}  ${path}\n`);
  return [
    text('DEBIAN/control', fields),
    text('DEBIAN/md5sums', sums.sort().join('')),
    ...['postinst', 'prerm', 'postrm'].map((name) => copy(`packaging/deb/${name}`, `DEBIAN/${name}`, 0o755)),
  ];
}
