import type { SinkConfig } from '../core/config.ts';
import type { Actors, AtomicFiles, BootTime, Clock, FileSecurity, UserIds, Users } from '../core/contracts.ts';
import type { Render } from './contract.ts';
import type { Spot } from './standing.ts';

/** What the sinks need of the outside world. */
export interface SinkDeps {
  readonly files: AtomicFiles;
  readonly security: FileSecurity;
  readonly users: Users;
  readonly clock: Pick<Clock, 'now'>;
  readonly readBootTime: () => BootTime;
  readonly render: Render;
  /** Unset: nothing is written where another user controls the path. */
  readonly actors?: Actors;
}

/** A file, and whose it is to be. */
export type Wanted = Pick<SinkConfig, 'path' | 'owner' | 'group' | 'mode' | 'isModeAny' | 'isUsualMode'>;

/** A file with the sinks that keep it, each a part: they agree on its owner and mode. It is read and written once for all. */
export interface SinkFile extends Wanted {
  readonly sinks: readonly SinkConfig[];
}

export function filesOf(sinks: readonly SinkConfig[]): SinkFile[] {
  return [...Map.groupBy(sinks, ({ path }) => path).values()].flatMap((parts) => {
    const [first] = parts;
    return first ? [{ ...wantedOf(first), sinks: parts }] : [];
  });
}

function wantedOf({ path, mode, isModeAny, isUsualMode, owner, group }: Wanted): Wanted {
  const others = { ...(owner !== undefined && { owner }), ...(group !== undefined && { group }) };
  return { path, mode, ...(isModeAny && { isModeAny }), ...(isUsualMode && { isUsualMode }), ...others };
}

/** Where a file is and whose it is to be. */
export interface Place extends Spot {
  readonly file: SinkFile;
  /** Names of directories that are to be made, outermost first, each in the one before. */
  readonly missing: readonly string[];
  /** The file's path without symlinks. */
  readonly path: string;
  readonly ids: UserIds;
  /** How the missing directories are to be made. */
  readonly making?: Making;
  /** True of it in every pass: that its owner or group cannot reach it. */
  readonly warnings: readonly string[];
}

/** How a missing directory is to be made. */
export interface Making {
  readonly owner: UserIds;
  readonly mode: number;
}
