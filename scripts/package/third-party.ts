import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { object, optional, parse, record, string } from 'valibot';
import { bundle } from '../bundle.ts';
import { HOST, RUNTIME_VERSION } from '../runtime.ts';
import { libatomicLicence } from './libatomic.ts';
import { ROOT } from './product.ts';

/** A package of npm that is in the executable. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** As SPDX names it. */
  readonly license: string;
  readonly licenseText: string;
  /** Names of those that it needs itself. */
  readonly needs: readonly string[];
}

const description = object({
  name: string(),
  version: string(),
  license: string(),
  dependencies: optional(record(string(), string()), {}),
});

/** What esbuild took from node_modules, in the order of the names. */
export async function bundledPackages(): Promise<readonly BundledPackage[]> {
  const { inputs } = await bundle();
  const directories = inputs.flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []);
  return [...new Set(directories)].map(describe).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function describe(directory: string): BundledPackage {
  const text = readFileSync(join(ROOT, directory, 'package.json'), 'utf8');
  const { name, version, license, dependencies } = parse(description, JSON.parse(text));
  return { name, version, license, licenseText: licenseOf(directory), needs: Object.keys(dependencies) };
}

function licenseOf(directory: string): string {
  const name = readdirSync(join(ROOT, directory)).find((file) => /^(licen[cs]e|copying)\b/i.test(file));
  if (name === undefined) throw new Error(`${directory}: expected a file with its licence, got none`);
  return readFileSync(join(ROOT, directory, name), 'utf8').trim();
}

/** All that the executable contains, by the names that the lists of distributions have for it. */
export async function bundledVersions(): Promise<readonly { readonly name: string; readonly version: string }[]> {
  const packages = await bundledPackages();
  return [
    { name: 'nodejs', version: RUNTIME_VERSION },
    ...packages.map(({ name, version }) => ({ name: `nodejs-${name.replace(/^@/, '').replace('/', '-')}`, version })),
  ];
}

/** The licences of all that is in the executable. */
export function thirdPartyText(packages: readonly BundledPackage[]): string {
  const node = `Node.js ${RUNTIME_VERSION}, with what it contains\n\n${licenseOf(`node_modules/node-linux-${HOST}`)}`;
  const ours = 'credrotate contains the following, each under its own licence.';
  const texts = packages.map(({ name, version, licenseText }) => `${name} ${version}\n\n${licenseText}`);
  return `${[ours, ...texts, node, libatomicLicence()].join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
