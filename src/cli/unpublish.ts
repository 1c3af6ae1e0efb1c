import { rm } from 'node:fs/promises';
import type { Config } from '../core/config.ts';
import { describeForeign, isErrno, type ErrorInfo } from '../core/errors.ts';
import { sweepBeside } from '../rotation/store.ts';
import { controlSocket } from './ask.ts';
import { statusPath, weaknessOf } from './publish.ts';
import type { World } from './world.ts';

/** Removes the temp files that a kill has left beside what is published. Never rejects. */
export async function sweepPublished(world: World, { metrics: { textfile } }: Config): Promise<void> {
  await sweepBeside(statusPath(world));
  if (textfile !== undefined && (await isOurs(world, textfile))) await sweepBeside(textfile);
}

async function isOurs(world: World, textfile: string): Promise<boolean> {
  return (await weaknessOf(world, textfile).catch(() => 'unknown')) === undefined;
}

/** Removes what would only tell of what is no more. Gives the trouble with it. */
export async function removePublished(world: World, { metrics: { textfile } }: Config): Promise<readonly ErrorInfo[]> {
  const removed = [
    await remove(statusPath(world)),
    await remove(controlSocket(world)),
    textfile === undefined ? undefined : await remove(textfile, world),
  ];
  return removed.flatMap((trouble) => trouble ?? []);
}

/** `world`: where the directory may be anybody's. */
async function remove(path: string, world?: World): Promise<ErrorInfo | undefined> {
  try {
    const weakness = world && (await weaknessOf(world, path));
    if (weakness) return unremoved(path, `${weakness.path} with ${weakness.got}`);
    await rm(path, { force: true });
    return undefined;
  } catch (error) {
    return isErrno(error, 'ENOENT') ? undefined : unremoved(path, describeForeign(error));
  }
}

function unremoved(path: string, got: string): ErrorInfo {
  return { code: 'STATE_UNWRITABLE', message: `${path}: expected to remove it, got ${got}`, hint: 'remove it by hand' };
}
