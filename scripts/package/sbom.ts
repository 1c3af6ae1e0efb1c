import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import packageJson from '../../package.json' with { type: 'json' };
import { expectedDigest, RUNTIME_VERSION, type Architecture } from '../runtime.ts';
import type { DebianPackage } from './debian.ts';
import { libatomic } from './libatomic.ts';
import { NAMES, VERSION } from './product.ts';
import type { BundledPackage } from './third-party.ts';

const ROOT_REFERENCE = `pkg:generic/credrotate@${VERSION}`;

interface Component {
  readonly 'bom-ref': string;
  readonly [key: string]: unknown;
}

/**
 * What is in the executable of an architecture, and beside it in an image, for programs that look for known faults:
 * CycloneDX 1.6.
 */
export function sbomText(
  packages: readonly BundledPackage[],
  architecture: Architecture,
  date: number,
  debian: readonly DebianPackage[] = [],
): string {
  const system = debian.map((one) => debianComponent(one, architecture));
  const node = nodeComponent(architecture);
  const bom = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(date * 1000).toISOString(),
      component: {
        type: 'application',
        'bom-ref': ROOT_REFERENCE,
        name: 'credrotate',
        version: VERSION,
        description: packageJson.description,
        licenses: [{ license: { id: packageJson.license } }],
      },
    },
    components: [...system, ...packages.map(component), atomicComponent(architecture), node],
    dependencies: dependencies(packages, [...system, node]),
  };
  return `${JSON.stringify({ ...bom, serialNumber: serialNumber(JSON.stringify(bom)) }, null, 2)}\n`;
}

function component({ name, version, license }: BundledPackage): Component {
  const reference = referenceOf(name, version);
  const licenses = /^[\w.-]+$/.test(license) ? [{ license: { id: license } }] : [{ expression: license }];
  return { type: 'library', 'bom-ref': reference, name, version, licenses, purl: reference };
}

/** The digest is that of the whole package. */
function debianComponent({ name, version, sha256 }: DebianPackage, architecture: Architecture): Component {
  const reference = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${NAMES[architecture].deb}`;
  const hashes = [{ alg: 'SHA-256', content: sha256 }];
  return { type: 'library', 'bom-ref': reference, name, version, hashes, purl: reference };
}

/** Beside the executable. */
function atomicComponent(architecture: Architecture): Component {
  const bytes = readFileSync(libatomic(architecture));
  return {
    type: 'library',
    'bom-ref': 'libatomic',
    name: 'libatomic',
    version: '1',
    description: "Of GCC, as Debian's package of this name has it",
    hashes: [{ alg: 'SHA-256', content: createHash('sha256').update(bytes).digest('hex') }],
    licenses: [{ expression: 'GPL-3.0-or-later WITH GCC-exception-3.1' }],
  };
}

/** With the libraries that are compiled into it. */
function nodeComponent(architecture: Architecture): Component {
  const { node: _, ...libraries } = process.versions;
  const names = Object.keys(libraries).filter((name) => name !== 'modules' && name !== 'napi');
  return {
    type: 'application',
    'bom-ref': `pkg:npm/node-linux-${architecture}@${RUNTIME_VERSION}`,
    name: 'node',
    version: RUNTIME_VERSION,
    description: 'Node.js; the digest is that of bin/node before its symbols were stripped',
    hashes: [{ alg: 'SHA-256', content: expectedDigest(architecture) }],
    licenses: [{ license: { id: 'MIT' } }],
    cpe: `cpe:2.3:a:nodejs:node.js:${RUNTIME_VERSION}:*:*:*:*:*:*:*`,
    purl: `pkg:npm/node-linux-${architecture}@${RUNTIME_VERSION}`,
    components: names.sort().map((name) => ({ type: 'library', name, version: process.versions[name] })),
  };
}

function dependencies(packages: readonly BundledPackage[], others: readonly Component[]): readonly object[] {
  const references = new Map(packages.map(({ name, version }) => [name, referenceOf(name, version)]));
  const of = (names: readonly string[]): string[] => names.flatMap((name) => references.get(name) ?? []);
  return [
    {
      ref: ROOT_REFERENCE,
      dependsOn: [...of(Object.keys(packageJson.dependencies)), 'libatomic', ...others.map((one) => one['bom-ref'])],
    },
    ...packages.map(({ name, version, needs }) => ({ ref: referenceOf(name, version), dependsOn: of(needs) })),
  ];
}

function referenceOf(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

/** A UUID that is the same for the same content. */
function serialNumber(content: string): string {
  const hex = createHash('sha256').update(content).digest('hex');
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(12, 15)}`,
    `8${hex.slice(15, 18)}`,
    hex.slice(18, 30),
  ];
  return `urn:uuid:${parts.join('-')}`;
}
