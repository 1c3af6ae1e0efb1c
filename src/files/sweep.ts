import type { Directory } from '../paths/held.ts';

/** What the temp file beside a file is called: `credentials.1234567.crtmp`. */
const TEMP = /^\.\d{1,10}\.crtmp$/;

export function isTempOf(name: string, file: string): boolean {
  return file !== '' && name.startsWith(file) && TEMP.test(name.slice(file.length));
}

/**
 * Removes the temp files of a file of our own that a kill has left behind; for whoever holds the lock. `files`: names in
 * the directory. Never throws.
 */
export function sweepBeside(directory: Directory, files: readonly string[]): void {
  const temps = namesIn(directory).filter((name) => files.some((file) => isTempOf(name, file)));
  for (const name of temps) removeIfPossible(directory, name);
}

/** No pass lets a temp file stay empty for so long; milliseconds. */
const FORGOTTEN = 60_000;

/**
 * As above where others make files too: a kill between the making of a temp file and its note in the journal leaves one
 * that is empty. Only such a one goes, and only if it is this user's own and old. `now`: epoch milliseconds.
 */
export function sweepEmpty(directory: Directory, files: readonly string[], owner: { uid: number; now: number }): void {
  const temps = namesIn(directory).filter((name) => files.some((file) => isTempOf(name, file)));
  for (const name of temps) if (isForgotten(directory, name, owner)) removeIfPossible(directory, name);
}

function isForgotten(directory: Directory, name: string, { uid, now }: { uid: number; now: number }): boolean {
  try {
    using held = directory.find(name);
    const stat = held?.stat();
    if (!stat?.isFile() || stat.size > 0n || stat.nlink > 1n) return false;
    return Number(stat.uid) === uid && now - Number(stat.mtimeMs) > FORGOTTEN;
  } catch {
    return false;
  }
}

function namesIn(directory: Directory): readonly string[] {
  try {
    return directory.names();
  } catch {
    return [];
  }
}

function removeIfPossible(directory: Directory, name: string): void {
  try {
    directory.unlink(name);
  } catch {}
}
