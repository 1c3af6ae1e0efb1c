import { basename, dirname } from 'node:path';
import { OwnDirectory } from '../files/own.ts';
import type { World } from './world.ts';

export type Owner = Pick<World, 'uid' | 'gid' | 'directories'>;

export const STATUS = 'status.json';

export function stateDirectory(owner: Owner): OwnDirectory {
  return new OwnDirectory(owner.directories.state, owner, { mode: 0o700 });
}

export function runtimeDirectory(owner: Owner): OwnDirectory {
  return new OwnDirectory(owner.directories.runtime, owner, { mode: 0o755 });
}

/** A directory, and the name of a file in it. */
export type OwnFile = readonly [OwnDirectory, string];

/** A file in a directory that somebody else has made. */
export function ownFile(owner: Owner, path: string): OwnFile {
  return [new OwnDirectory(dirname(path), owner), basename(path)];
}
