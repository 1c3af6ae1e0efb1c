import { join } from 'node:path';
import type { Config } from '../core/config.ts';
import { type ErrorInfo, isErrno, toErrorInfo } from '../core/errors.ts';
import { SOCKET } from '../rotation/control.ts';
import { ownFile, runtimeDirectory, STATUS, type OwnFile } from './own.ts';
import type { World } from './world.ts';

/** Removes the temp files that a kill has left beside what is published. Never throws. */
export function sweepPublished(world: World, config: Config): void {
  for (const [directory, name] of [[runtimeDirectory(world), STATUS] as const, ...metricsOf(world, config)]) {
    directory.sweep(name);
  }
}

/** Removes what would only tell of what is no more. Gives the trouble with it. */
export function removePublished(world: World, config: Config): readonly ErrorInfo[] {
  const runtime = runtimeDirectory(world);
  const all: readonly OwnFile[] = [[runtime, STATUS], [runtime, SOCKET], ...metricsOf(world, config)];
  return all.flatMap((file) => remove(file) ?? []);
}

function metricsOf(world: World, { metrics: { textfile } }: Config): readonly OwnFile[] {
  return textfile === undefined ? [] : [ownFile(world, textfile)];
}

function remove([directory, name]: OwnFile): ErrorInfo | undefined {
  try {
    directory.remove(name);
    return undefined;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    const got = toErrorInfo(error).message;
    const message = `${join(directory.path, name)}: expected to remove it, got ${got}`;
    return { code: 'STATE_UNWRITABLE', message, hint: 'remove it by hand' };
  }
}
