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
