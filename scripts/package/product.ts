import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import type { Architecture } from '../runtime.ts';

export const ROOT = dirname(dirname(import.meta.dirname));
export const OUTPUT = join(ROOT, 'dist');
export const { version: VERSION } = packageJson;

/** Where the project is, who maintains it, and the place on the web that the repository is published at. */
export const {
  homepage: HOMEPAGE,
  repository: SOURCE_REPOSITORY,
  author: MAINTAINER,
  packages: PACKAGES_URL,
} = packageJson;

export type Format = 'deb' | 'rpm' | 'tar';

/** One package to be made. */
export interface Order {
  readonly format: Format;
  readonly architecture: Architecture;
  /** In seconds since 1970. */
  readonly date: number;
  /** For tests: made in a moment, twice as large. */
  readonly fast: boolean;
}

/** As each kind names them. */
export const NAMES: Readonly<Record<Architecture, Readonly<Record<Format, string>>>> = {
  x64: { deb: 'amd64', rpm: 'x86_64', tar: 'amd64' },
  arm64: { deb: 'arm64', rpm: 'aarch64', tar: 'arm64' },
};

/**
 * When the product was made, as all that is packed says it, in seconds since 1970: SOURCE_DATE_EPOCH, or the newest
 * release of the changelog, which an archive without history has too, or the last commit.
 */
export function sourceDate(root = ROOT, env: NodeJS.ProcessEnv = process.env): number {
  const given = env['SOURCE_DATE_EPOCH'];
  if (given && !/^\d{1,10}$/.test(given))
    throw new Error(`SOURCE_DATE_EPOCH: expected seconds since 1970, got ${given}`);
  return given ? Number(given) : (dateOfRelease(root) ?? dateOfCommit(root));
}

function dateOfRelease(root: string): number | undefined {
  const day = /^## \[[\d.]+\] - (\d{4}-\d{2}-\d{2})$/m.exec(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'))?.[1];
  return day === undefined ? undefined : Date.parse(`${day}T00:00:00Z`) / 1000;
}

function dateOfCommit(root: string): number {
  try {
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8', stdio: 'pipe' }));
  } catch (cause) {
    throw new Error('expected a release in CHANGELOG.md, a git history or SOURCE_DATE_EPOCH, got none', { cause });
  }
}
