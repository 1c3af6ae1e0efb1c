import { lstatSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { isErrno } from '../core/errors.ts';
import type { TempFile } from './contract.ts';
import { syncDirectory } from './directories.ts';
import { examineDirectory, type Trust } from './trust.ts';

/**
 * Removes journalled temp files that a kill has left behind; gives those that are still to be removed, as they were
 * given. Only what has the journalled inode goes: a file that somebody else has under that name stays. Never rejects.
 */
export async function sweepOwn(temps: readonly TempFile[], trust: Trust): Promise<readonly TempFile[]> {
  const kept: TempFile[] = [];
  for (const [directory, group] of Map.groupBy(temps, ({ path }) => dirname(path))) {
    kept.push(...(await sweepDirectory(directory, group, trust)));
  }
  return kept;
}

async function sweepDirectory(
  directory: string,
  temps: readonly TempFile[],
  trust: Trust,
): Promise<readonly TempFile[]> {
  const examined = examineDirectory(directory, trust);
  if (examined.kind !== 'self') return temps;
  const tried = temps.map((temp) => ({ temp, fate: remove(temp) }));
  if (tried.some(({ fate }) => fate === 'removed')) {
    // The journal is about to forget them, so they must not come back with a power cut.
    const isSynced = await syncDirectory(examined.path).then(
      () => true,
      () => false,
    );
    if (!isSynced) return temps;
  }
  return tried.filter(({ fate }) => fate === 'stuck').map(({ temp }) => temp);
}

function remove({ path, inode }: TempFile): 'gone' | 'removed' | 'stuck' {
  try {
    const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (!stat?.isFile() || String(stat.ino) !== inode) return 'gone';
    unlinkSync(path);
    return 'removed';
  } catch (error) {
    // Where we have no rights any more, it is not ours to remove.
    return isErrno(error, 'EACCES') ? 'gone' : 'stuck';
  }
}
