import { rmSync } from 'node:fs';
import type { Config } from '../core/config.ts';
import { describeForeign, isErrno, type ErrorInfo } from '../core/errors.ts';
import { sweepBeside } from '../rotation/store.ts';
import { controlSocket } from './ask.ts';
import { statusPath, weaknessOf } from './publish.ts';
import type { World } from './world.ts';

/** Removes the temp files that a kill has left beside what is published. Never throws. */
export function sweepPublished(world: World, { metrics: { textfile } }: Config): void {
  sweepBeside(statusPath(world));
  if (textfile !== undefined && isOurs(world, textfile)) sweepBeside(textfile);
}

function isOurs(world: World, textfile: string): boolean {
  try {
    return weaknessOf(world, textfile) === undefined;
  } catch {
    return false;
  }
}

/** Removes what would only tell of what is no more. Gives the trouble with it. */
export function removePublished(world: World, { metrics: { textfile } }: Config): readonly ErrorInfo[] {
  const removed = [
    remove(statusPath(world)),
    remove(controlSocket(world)),
    textfile === undefined ? undefined : remove(textfile, world),
  ];
  return removed.flatMap((trouble) => trouble ?? []);
}

/** `world`: where the directory may be anybody's. */
function remove(path: string, world?: World): ErrorInfo | undefined {
  try {
    const weakness = world && weaknessOf(world, path);
    if (weakness) return unremoved(path, `${weakness.path} with ${weakness.got}`);
    rmSync(path, { force: true });
    return undefined;
  } catch (error) {
    return isErrno(error, 'ENOENT') ? undefined : unremoved(path, describeForeign(error));
  }
}

function unremoved(path: string, got: string): ErrorInfo {
  return { code: 'STATE_UNWRITABLE', message: `${path}: expected to remove it, got ${got}`, hint: 'remove it by hand' };
}
