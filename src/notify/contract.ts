import type { ConsumerConfig } from '../core/config.ts';
import type { Actors, BootTime, Clock, Processes, UserIds, Users } from '../core/contracts.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { RunningProcess } from '../core/outcomes.ts';
import type { HostDeps } from '../host/tool.ts';

export interface NotifyDeps extends HostDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly readBootTime: () => BootTime;
  readonly processes: Processes;
  /** Root's alone. */
  readonly actors?: Actors;
  readonly users: Users;
  /** Who the agent is. */
  readonly self: UserIds;
}

export interface NotifyRequest {
  readonly consumer: ConsumerConfig;
  readonly generation: number;
  readonly reason: 'changed' | 'first' | 'retry' | 'manual' | 'renewed';
  /** Of the files that changed. */
  readonly paths: readonly string[];
  /** When the last of them was renamed; unset: notify in any case. */
  readonly changedAt?: BootTime | undefined;
  /** Epoch milliseconds: before it, a unit that cannot reload is not restarted; unset: at any time. */
  readonly noRestartBefore?: number;
  /** What an earlier attempt at the same notification gave as `notified`: not notified again. */
  readonly notified?: readonly string[];
}

/**
 * `scheduled`: to be tried again at `until` (epoch milliseconds), since notifying means a restart; `notified`: delivered; `started_since`: started after the change, nothing to do; `not_running`: not running; `pending`: to be tried
 * again, because it is `later` that the consumer can be notified (it is starting or stopping), or because it is `refused`
 * until somebody changes something.
 */
export type NotifyResult =
  | {
      readonly result: 'notified' | 'started_since' | 'not_running';
      readonly detail: string;
      /** Ids of those that were notified, or started since, where they are known. */
      readonly processes?: readonly number[];
    }
  | { readonly result: 'scheduled'; readonly detail: string; readonly until: number }
  | {
      readonly result: 'pending';
      readonly error: ErrorInfo;
      readonly kind: 'later' | 'refused';
      /** Processes of this consumer that were notified, when others are still to be. */
      readonly notified?: readonly string[];
      /** Those that are still to be notified, as far as they are known. */
      readonly processes?: readonly RunningProcess[];
    };
