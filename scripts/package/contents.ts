import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, LIBRARIES } from '../build.ts';
import { manualPages } from '../manual.ts';
import { libatomic } from './libatomic.ts';
import { withInstalledLinks } from './links.ts';
import { ROOT, type Format, type Order } from './product.ts';
import { sbomText } from './sbom.ts';
import { bundledPackages, thirdPartyText } from './third-party.ts';

export type Content = Uint8Array | string | { readonly file: string };

export interface Installed {
  /** From the root of the system. */
  readonly path: string;
  readonly mode: number;
  /** Left out for a directory. */
  readonly content?: Content;
  /** Its path in the repository, where it is a copy. */
  readonly source?: string;
}

/** The list of the parts of the executable, where programs look that are to find faults. */
export const SBOM = 'usr/share/credrotate/sbom.cdx.json';

export const DOCUMENTS = 'usr/share/doc/credrotate';

export const LICENCES = 'usr/share/licenses/credrotate';

function completions(format: Format): Installed[] {
  const zsh = format === 'deb' ? 'vendor-completions' : 'site-functions';
  return [
    copy('packaging/completions/credrotate.bash', 'usr/share/bash-completion/completions/credrotate'),
    copy('packaging/completions/credrotate.zsh', `usr/share/zsh/${zsh}/_credrotate`),
    copy('packaging/completions/credrotate.fish', 'usr/share/fish/vendor_completions.d/credrotate.fish'),
  ];
}

/** All that a package installs, but for what only Debian's have. */
export async function contents({ format, architecture, date }: Order): Promise<Installed[]> {
  const packages = await bundledPackages();
  const licences = thirdPartyText(packages);
  return distinct([
    { path: 'usr/bin/credrotate', mode: 0o755, content: { file: await build(architecture) } },
    { path: `${LIBRARIES.slice(1)}/libatomic.so.1`, mode: 0o644, content: { file: libatomic(architecture) } },
    // Nothing in /etc is ours to change: what an upgrade would have to ask about is an example elsewhere.
    { path: 'etc/credrotate/conf.d', mode: 0o755 },
    ...(await manualPages()).map((page) =>
      packed(`usr/share/man/man${page.name.at(-1) ?? ''}/${page.name}`, page.text),
    ),
    ...completions(format),
    ...documents(),
    text(SBOM, sbomText(packages, architecture, date)),
    ...(format === 'deb'
      ? [packed(`${DOCUMENTS}/THIRD-PARTY.txt`, licences)]
      : [copy('LICENSE', `${LICENCES}/LICENSE`), text(`${LICENCES}/THIRD-PARTY.txt`, licences)]),
  ]);
}

/** The pages, and all that they lead to. Their links lead to where the packages put things. */
export function documents(): Installed[] {
  const files = [
    copy('etc/credrotate.yaml', 'usr/share/credrotate/credrotate.yaml'),
    copy('etc/credrotate.yaml', `${DOCUMENTS}/examples/credrotate.yaml`),
    ...copies('packaging/schema/*.json', 'usr/share/credrotate'),
    ...copies('packaging/systemd/*.{service,timer}', 'usr/lib/systemd/system'),
    ...copies('packaging/systemd/*.preset', 'usr/lib/systemd/system-preset'),
    ...copies('README.md', DOCUMENTS),
    ...copies('docs/*', `${DOCUMENTS}/docs`),
    { ...packed(`${DOCUMENTS}/CHANGELOG.md`, readFileSync(join(ROOT, 'CHANGELOG.md'))), source: 'CHANGELOG.md' },
    ...copies('packaging/examples/*', `${DOCUMENTS}/examples`),
    ...copies('packaging/user-data/*', `${DOCUMENTS}/examples/user-data`),
    ...copies('packaging/packer/*', `${DOCUMENTS}/examples/packer`),
    ...copies('packaging/ssm/*', `${DOCUMENTS}/examples/ssm`),
    ...copies('packaging/monitoring/*', `${DOCUMENTS}/examples/monitoring`),
  ];
  return withInstalledLinks(files);
}

/** Of two files for one path, one would be lost unseen. */
function distinct(all: readonly Installed[]): Installed[] {
  const paths = all.map(({ path }) => path);
  const twice = paths.filter((path, index) => paths.indexOf(path) !== index);
  if (twice.length > 0) throw new Error(`expected each path once in the package, got twice: ${twice.join(', ')}`);
  return [...all];
}

export function text(path: string, content: string): Installed {
  return { path, mode: 0o644, content };
}

/** Compressed, without a name and a time inside. */
export function packed(path: string, content: string | Uint8Array): Installed {
  return { path: `${path}.gz`, mode: 0o644, content: gzipSync(content, { level: 9 }) };
}

export function copy(from: string, path: string, mode = 0o644): Installed {
  return { path, mode, content: readFileSync(join(ROOT, from)), source: from };
}

function copies(pattern: string, directory: string): Installed[] {
  const files = globSync(pattern, { cwd: ROOT }).sort();
  if (files.length === 0) throw new Error(`expected files ${pattern} to be packed, got none`);
  // Scripts can be run where they are.
  return files.map((file) => copy(file, `${directory}/${basename(file)}`, file.endsWith('.sh') ? 0o755 : 0o644));
}
