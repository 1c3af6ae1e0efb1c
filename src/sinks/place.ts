import type { SinkConfig } from '../core/config.ts';
import type { Actors, AtomicFiles, BootTime, Clock, FileSecurity, UserIds, Users } from '../core/contracts.ts';
import type { ApplyRequest, Render } from './contract.ts';
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

/** What the files are to say, and whom to trust on the way to them. */
export interface Wish extends Pick<ApplyRequest, 'print' | 'credentials' | 'origin' | 'rotated' | 'records'> {
  /** Group ids. */
  readonly trustedGroups: readonly number[];
}

/** Where a sink is and whose it is to be. */
export interface Place extends Spot {
  readonly sink: SinkConfig;
  /** Names of directories that are to be made, outermost first, each in the one before. */
  readonly missing: readonly string[];
  /** The sink's path without symlinks. */
  readonly path: string;
  readonly ids: UserIds;
  /** How the missing directories are to be made. */
  readonly making?: Making;
  /** True of it in every pass. */
  readonly warnings: readonly string[];
}

/** How a missing directory is to be made. */
export interface Making {
  readonly owner: UserIds;
  readonly mode: number;
}
