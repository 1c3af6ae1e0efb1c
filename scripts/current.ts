// Keeps what was made until something else would be made of its sources.
import { existsSync } from 'node:fs';
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Whether a file stands that was made of what `key` is a digest of. */
export async function isCurrent(path: string, key: string): Promise<boolean> {
  const stamp = stampOf(path);
  if (!existsSync(stamp) || !existsSync(path)) return false;
  return (await readFile(stamp, 'utf8')) === `${key} ${await identify(path)}`;
}

/**
 * Moves what was made to its path, and says what of. The stamp names the very file that it vouches for, so that of two
 * that are made at once neither is taken for the other.
 */
export async function keep(made: string, path: string, key: string): Promise<void> {
  const identity = await identify(made);
  await rename(made, path);
  await writeFile(stampOf(path), `${key} ${identity}`);
}

function stampOf(path: string): string {
  return join(dirname(path), `.${basename(path)}.stamp`);
}

/** Stays through a rename. */
async function identify(path: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}
