import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import semver from 'semver';
import { judge, readList } from '../advisories.ts';
import { bundledVersions } from '../package/third-party.ts';
import { openSigner } from '../repository/signer.ts';
import { expectedDigest, HOST, RUNTIME_VERSION, type Architecture } from '../runtime.ts';
import { upstreamProblems } from './upstream.ts';

const run = promisify(execFile);

export interface ReleaseOrder {
  /** The checkout. */
  readonly root: string;
  readonly version: string;
  /** Fingerprint of a key whose secret part gpg has. */
  readonly key: string | undefined;
  /** That of gpg, with the secret keys; the usual one if left out. */
  readonly keyDirectory?: string;
  /** A directory with what nodejs.org publishes of the Node inside. */
  readonly nodejs: string | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
  /** SHA-256 of the `bin/node` of each architecture; those of packaging/node.sha256 if left out. */
  readonly digests?: Readonly<Record<Architecture, string>>;
}

/** All that keeps a release from being made, each with what to do; nothing when all is well. */
export async function refusals(order: ReleaseOrder): Promise<readonly string[]> {
  return [
    ...machine(),
    ...(await version(order)),
    ...(await clean(order)),
    ...news(order),
    ...addresses(order),
    ...(await signing(order)),
    ...(await node(order)),
    ...(await advisories(order)),
  ];
}

/** Where what was not released yet begins in the changelog. */
export const UNRELEASED = '## [Unreleased]\n';

/** Another `strip` gives other bytes. */
function machine(): readonly string[] {
  return HOST === 'x64' ? [] : [`expected a machine of x64, whose bytes all releases have, got ${HOST}`];
}

async function version({ root, version: wanted }: ReleaseOrder): Promise<readonly string[]> {
  if (!/^\d+\.\d+\.\d+$/.test(wanted)) return [`version: expected one like 1.2.3, got ${wanted}`];
  const { version: current } = described(root);
  if (semver.lt(wanted, current)) return [`version: expected ${current} (package.json) or a later one, got ${wanted}`];
  const isReleased =
    changelogOf(root).includes(`\n## [${wanted}]`) || (await git(root, 'tag', '--list', `v${wanted}`)) !== '';
  return isReleased ? [`version: expected a new one, got ${wanted}, which was released`] : [];
}

async function clean({ root }: ReleaseOrder): Promise<readonly string[]> {
  const changed = (await git(root, 'status', '--porcelain')).trim().split('\n').filter(Boolean);
  return changed.length === 0 ? [] : [`checkout: expected it clean, got changes:\n  ${changed.join('\n  ')}`];
}

function news({ root }: ReleaseOrder): readonly string[] {
  const told = changelogOf(root).split(UNRELEASED)[1]?.split('\n## ')[0]?.trim();
  return told ? [] : ['CHANGELOG.md: expected what is new below [Unreleased], got nothing'];
}

/** What stands in the repository until the maintainers have a place on the web. */
function addresses({ root }: ReleaseOrder): readonly string[] {
  return /\.example\b/.test(readFileSync(join(root, 'package.json'), 'utf8'))
    ? ['package.json: expected the addresses of the project, got some that end in .example: CONTRIBUTING.md, Addresses']
    : [];
}

async function signing({ key, now, keyDirectory }: ReleaseOrder): Promise<readonly string[]> {
  if (key === undefined) return ['--key: expected the fingerprint of the key that signs, got none'];
  const problem = await openSigner({
    keys: [key],
    date: Math.floor(now / 1000),
    ...(keyDirectory !== undefined && { keyDirectory }),
  }).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  return problem === undefined ? [] : [`--key: ${problem.split('\n')[0] ?? ''}`];
}

async function node({ nodejs, digests }: ReleaseOrder): Promise<readonly string[]> {
  if (nodejs === undefined)
    return [
      '--nodejs: expected a directory with what nodejs.org publishes, got none: CONTRIBUTING.md, The Node inside',
    ];
  const bundled = digests ?? { x64: expectedDigest('x64'), arm64: expectedDigest('arm64') };
  return upstreamProblems({ directory: nodejs, version: RUNTIME_VERSION, digests: bundled });
}

async function advisories({ root, now }: ReleaseOrder): Promise<readonly string[]> {
  const list = readList(readFileSync(join(root, 'packaging/advisories.json'), 'utf8'));
  const { isGood } = judge(list, await bundledVersions(), now);
  return isGood ? [] : ['packaging/advisories.json: expected a list without open faults of ours: npm run advisories'];
}

function described(root: string): { readonly version: string } {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string };
}

export function changelogOf(root: string): string {
  return readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
}

export async function git(root: string, ...args: readonly string[]): Promise<string> {
  return (await run('git', args, { cwd: root, maxBuffer: 1 << 24 })).stdout;
}
