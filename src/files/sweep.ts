import { attempt } from '../core/errors.ts';
import type { Directory } from '../paths/held.ts';

/**
 * The name of the temp file beside a file: `.credentials.1234567.crtmp`. Readers of whole directories skip such names.
 */
const TEMP = /^\.(.+)\.\d{1,10}\.crtmp$/s;

/** As system/atomic-fs.ts has it for the sinks. */
export function tempOf(file: string): string {
  return `.${file}.${String(Math.floor(Math.random() * 2 ** 32))}.crtmp`;
}

export function isTempOf(name: string, file: string): boolean {
  return TEMP.exec(name)?.[1] === file;
}

/**
 * Removes the temp files of a file of our own that a kill has left behind; for whoever holds the lock. `files`: names
 * in the directory. Never throws.
 */
export function sweepBeside(directory: Directory, files: readonly string[]): void {
  for (const name of tempsOf(directory, files)) removeIfPossible(directory, name);
}

/** No pass lets a temp file stay empty for so long. */
const FORGOTTEN_MS = 60_000;

/**
 * As above where others make files too: a kill between the making of a temp file and its note in the journal leaves one
 * that is empty. Only such a one goes, and only if it is this user's own and old. `now`: epoch milliseconds.
 */
export function sweepEmpty(directory: Directory, files: readonly string[], owner: { uid: number; now: number }): void {
  for (const name of tempsOf(directory, files))
    if (isForgotten(directory, name, owner)) removeIfPossible(directory, name);
}

function isForgotten(directory: Directory, name: string, { uid, now }: { uid: number; now: number }): boolean {
  return attempt(() => {
    using held = directory.find(name);
    const stat = held?.stat();
    if (!stat?.isFile() || stat.size > 0n || stat.nlink > 1n) return false;
    return Number(stat.uid) === uid && now - Number(stat.mtimeMs) > FORGOTTEN_MS;
  }, false);
}

function tempsOf(directory: Directory, files: readonly string[]): readonly string[] {
  const wanted = new Set(files);
  return attempt(() => directory.names(), []).filter((name) => wanted.has(TEMP.exec(name)?.[1] ?? ''));
}

export function removeIfPossible(directory: Directory, name: string): void {
  try {
    directory.unlink(name);
  } catch {}
}
