import { basename, dirname } from 'node:path';
import { AgentError, isErrno } from '../core/errors.ts';
import { MountedOver, type Directory } from './held.ts';
import { openDirectory } from './policies.ts';

/** How root reaches a file, and what has to be open so that it can be replaced. */
export interface Way {
  /** The file's path, as it was asked for. */
  readonly path: string;
  /**
   * The nearest directory that is there. Of a user's path the first directory that is the user's, since what lies
   * behind can be another one at any time; of one on another machine, the mount point.
   */
  readonly opening: string;
  /** The identity that works there: root, a user, or one that only the file system behind the mount point knows. */
  readonly worker: 'root' | 'user' | 'remote';
  /** Root has to override the rights of a file of somebody else, or of a directory that is closed even to its owner. */
  readonly overrides: boolean;
  /** Every directory and symlink on the way. */
  readonly passed: readonly string[];
}

/** Throws SINK_UNREADABLE, and SINK_UNSAFE_PATH where nothing can be said of what would be opened. */
export function wayTo(path: string): Way {
  // Of no group it matters who is in it: members are not the ones who make the drop-in.
  using found = openDirectory('sink', dirname(path), { uid: 0, groups: 'any' });
  switch (found.kind) {
    case 'refused':
      throw new AgentError(found.error.code, `${path}: ${found.error.message}`, found.error);
    case 'remote':
    case 'absent':
      return { path, opening: found.at, worker: 'remote', overrides: false, passed: found.passed };
    case 'user':
    case 'volume':
      return { path, opening: found.at, worker: 'user', overrides: false, passed: found.passed };
    case 'directory': {
      const { held, passed } = found;
      const overrides = isForeign(held, basename(path)) || isClosed(held);
      return { path, opening: held.path, worker: 'root', overrides, passed };
    }
  }
}

function isForeign(directory: Directory, name: string): boolean {
  try {
    using file = directory.find(name);
    return file !== undefined && file.stat().uid !== 0n;
  } catch (error) {
    if (error instanceof MountedOver || isErrno(error)) return false;
    throw error;
  }
}

/** As /root is in some distributions. */
function isClosed(directory: Directory): boolean {
  return (Number(directory.stat().mode) & 0o300) !== 0o300;
}
