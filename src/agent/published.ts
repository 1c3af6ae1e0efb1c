import { basename, dirname, join } from 'node:path';
import { attempt, AgentError, isErrno, toErrorInfo, type ErrorInfo } from '../core/errors.ts';
import type { Config } from '../core/config.ts';
import { SYSTEM_DIRECTORIES, type Directories } from '../core/directories.ts';
import { OwnDirectory } from '../files/own.ts';
import { parseStatus, type Status } from '../report/schema.ts';
import type { World } from './world.ts';

export type Owner = Pick<World, 'uid' | 'gid' | 'directories'>;

export const STATUS = 'status.json';
export const SOCKET = 'control.sock';

/**
 * In a pod both may lie in a volume, which STATE_DIRECTORY and RUNTIME_DIRECTORY name for all commands, also for those
 * that read no configuration.
 */
export function stateDirectory(owner: Owner): OwnDirectory {
  return new OwnDirectory(owner.directories.state, owner, { mode: 0o700, mayBeInVolume: true });
}

export function runtimeDirectory(owner: Owner): OwnDirectory {
  return new OwnDirectory(owner.directories.runtime, owner, { mode: 0o755, mayBeInVolume: true });
}

export type OwnFile = readonly [OwnDirectory, string];

/** A file in a directory that exists already. */
export function ownFile(owner: Owner, path: string): OwnFile {
  return [new OwnDirectory(dirname(path), owner), basename(path)];
}

/** The status that a former process left, if it can be used. */
export function readFormer(owner: Owner): Status | undefined {
  return attempt(() => parseStatus(readStatusText(owner) ?? ''), undefined);
}

/** Undefined when there is none. Throws AgentError and errno errors. */
function readStatusText(owner: Owner): string | undefined {
  return runtimeDirectory(owner).read(STATUS)?.toString();
}

/** Removes the temp files that a kill has left beside what is published. Never throws. */
export function sweepPublished(world: World, config: Config): void {
  for (const [directory, name] of [[runtimeDirectory(world), STATUS] as const, ...metricsOf(world, config)]) {
    directory.sweep(name);
  }
}

/** Removes the published files of an agent that is gone. Returns the failures. */
export function removePublished(world: World, config: Config): readonly ErrorInfo[] {
  const runtime = runtimeDirectory(world);
  const all: readonly OwnFile[] = [[runtime, STATUS], [runtime, SOCKET], ...metricsOf(world, config)];
  return all.flatMap((file) => remove(file) ?? []);
}

function metricsOf(world: World, { metrics: { textfile } }: Config): readonly OwnFile[] {
  return textfile === undefined ? [] : [ownFile(world, textfile)];
}

function remove([directory, name]: OwnFile): ErrorInfo | undefined {
  try {
    directory.remove(name);
    return undefined;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    const got = toErrorInfo(error).message;
    const message = `${join(directory.path, name)}: expected to remove it, got ${got}`;
    return { code: 'STATE_UNWRITABLE', message, hint: 'remove it by hand' };
  }
}

interface FoundStatus {
  readonly status: Status;
  readonly directories: Directories;
}

/**
 * The status of this user's agent, or without one that of the host's. Throws AGENT_ABSENT if there is no usable status.
 */
export function readStatus(world: World): FoundStatus {
  const directories = spokenOf(world);
  const path = join(directories.runtime, STATUS);
  const absent = (what: string, hint: string): AgentError =>
    new AgentError('AGENT_ABSENT', `${path}: ${what}`, { hint });
  let text: string | undefined;
  try {
    text = readStatusText({ ...world, directories });
  } catch (error) {
    throw absent(`no status there: ${toErrorInfo(error).message}`, 'see who may read it: ls -l');
  }
  if (text === undefined) {
    const isOther = directories.runtime !== world.directories.runtime;
    const nor = isOther ? `, nor in ${world.directories.runtime}` : '';
    throw absent(`no status there${nor}: ENOENT on open`, 'make a first pass: sudo credrotate once');
  }
  const status = parseStatus(text);
  if (status) return { status, directories };
  throw absent(
    'expected a status of this version of credrotate, got something else',
    'have it written: credrotate refresh, or credrotate once',
  );
}

/** The directories of this user's agent if it has left a status, else of the host's. */
export function spokenOf(world: World): Directories {
  const { directories, env } = world;
  const isChosen = Boolean(env['RUNTIME_DIRECTORY']) || directories.runtime === SYSTEM_DIRECTORIES.runtime;
  return isChosen || isThere(world) ? directories : SYSTEM_DIRECTORIES;
}

/** Undefined for root, who has only one. */
export function describeWhose({ uid }: World, { runtime }: Directories): string | undefined {
  if (uid === 0) return undefined;
  if (runtime === SYSTEM_DIRECTORIES.runtime) return `the host's, in ${runtime}`;
  return `your own (uid ${uid}), in ${runtime}; for the host's: sudo credrotate`;
}

function isThere(world: World): boolean {
  return attempt(() => readStatusText(world) !== undefined, true);
}
