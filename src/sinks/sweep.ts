import { dirname, basename } from 'node:path';
import { isErrno } from '../core/errors.ts';
import type { Directory } from '../paths/held.ts';
import { openDirectory } from '../paths/policies.ts';
import type { Walker } from '../paths/walked.ts';
import type { TempFile } from './contract.ts';

/**
 * Removes journalled temp files that a kill has left behind; gives those that are still to be removed, as they were
 * given. Only what has the journalled inode goes: a file that somebody else has under that name stays. Never rejects.
 */
export async function sweepOwn(temps: readonly TempFile[], walker: Walker): Promise<readonly TempFile[]> {
  const kept: TempFile[] = [];
  for (const [path, group] of Map.groupBy(temps, (temp) => dirname(temp.path))) {
    using found = openDirectory('sink', path, walker);
    if (found.kind === 'directory') {
      if (found.missing.length === 0) kept.push(...(await sweepDirectory(found.held, group)));
    } else kept.push(...group);
  }
  return kept;
}

async function sweepDirectory(directory: Directory, temps: readonly TempFile[]): Promise<readonly TempFile[]> {
  const tried = temps.map((temp) => ({ temp, fate: remove(directory, temp) }));
  if (tried.some(({ fate }) => fate === 'removed')) {
    // The journal is about to forget them, so they must not come back with a power cut.
    const isSynced = await directory.sync().then(
      () => true,
      () => false,
    );
    if (!isSynced) return temps;
  }
  return tried.filter(({ fate }) => fate === 'stuck').map(({ temp }) => temp);
}

function remove(directory: Directory, { path, inode }: TempFile): 'gone' | 'removed' | 'stuck' {
  const name = basename(path);
  try {
    using held = directory.find(name);
    const stat = held?.stat();
    if (!stat?.isFile() || String(stat.ino) !== inode) return 'gone';
    directory.unlink(name);
    return 'removed';
  } catch (error) {
    // Where we have no rights any more, it is not ours to remove.
    return isErrno(error, 'EACCES') ? 'gone' : 'stuck';
  }
}
