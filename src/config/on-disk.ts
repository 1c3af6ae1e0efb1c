import { dirname } from 'node:path';
import type { Config } from '../core/config.ts';
import { digest } from '../core/digest.ts';
import { isErrno } from '../core/errors.ts';
import { Held } from '../paths/held.ts';
import { openDirectory, openFile, type FoundDirectory, type FoundFile } from '../paths/policies.ts';
import { confD, loadConfig, readSources, type LoadOptions } from './load.ts';
import { formatProblems } from './problem.ts';

/** What has become of a configuration on disk since it was read. */
export interface FoundOnDisk {
  readonly state: 'in_force' | 'edited' | 'refused' | 'unknown';
  /** The last change of its files; RFC 3339. */
  readonly since?: string;
  /** The first thing that is wrong with it. */
  readonly problem?: string;
}

/** How a configuration that is in force is told from another one. */
export interface InForce {
  readonly path: string;
  /** Of the bytes of its files. */
  readonly digest: string;
  /** Of what they mean: other words for the same change nothing. */
  readonly meaning: string;
}

/** Undefined for one that options of the command line made. */
export function inForceOf(config: Config): InForce | undefined {
  const { path, digest: bytes } = config;
  return path === undefined || bytes === undefined ? undefined : { path, digest: bytes, meaning: meaningOf(config) };
}

function meaningOf(config: Config): string {
  return digest(JSON.stringify({ ...config, path: undefined, digest: undefined, files: undefined }));
}

/** What is on disk beside what was read there. It is only parsed where its bytes are others. */
export function lookOnDisk(inForce: InForce, options: LoadOptions): FoundOnDisk {
  const { path } = inForce;
  const { files, texts, digest: found } = readSources(path, options);
  if (found === inForce.digest) return { state: 'in_force' };
  const result = loadConfig(path, options);
  if (result.ok && meaningOf(result.config) === inForce.meaning) return { state: 'in_force' };
  const common = sinceOf(files, [confD(path), ...(texts.length === files.length ? [] : [dirname(path)])], options.uid);
  if (result.ok) return { state: 'edited', ...common };
  // Who may not read it cannot tell what it is worth.
  if (options.uid !== 0 && result.problems.every(({ code }) => code === 'CONFIG_UNREADABLE'))
    return { state: 'unknown' };
  const [first = ''] = formatProblems(result.problems).split('\n');
  return { state: 'refused', ...common, problem: first };
}

/**
 * The last change. A file of conf.d that has gone leaves its trace in the directory. Where root may not look, since others
 * could serve what is there by now, nothing is known.
 */
function sinceOf(files: readonly string[], directories: readonly string[], uid: number): Pick<FoundOnDisk, 'since'> {
  const times = [
    ...files.flatMap((path) => changedAt(() => openFile('configuration', path, { uid }), path, uid)),
    ...directories.flatMap((path) => changedAt(() => openDirectory('configuration', path, { uid }), path, uid)),
  ];
  return times.length === 0 ? {} : { since: new Date(Math.max(...times)).toISOString() };
}

/** One time in milliseconds, or none. */
function changedAt(open: () => FoundFile | FoundDirectory, path: string, uid: number): readonly number[] {
  try {
    if (uid !== 0) {
      using held = Held.unjudged(path);
      return [Number(held.stat().ctimeMs)];
    }
    using found = open();
    if (found.kind === 'file') return [Number(found.held.stat().ctimeMs)];
    return found.kind === 'directory' && found.missing.length === 0 ? [Number(found.held.stat().ctimeMs)] : [];
  } catch (error) {
    if (isErrno(error)) return [];
    throw error;
  }
}
