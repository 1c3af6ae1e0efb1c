import type { ErrorInfo } from './errors.ts';
import type { HookRun, RunningProcess } from './outcomes.ts';

/** Where nothing is left to be watched. */
export type Outcome =
  | {
      readonly result: 'notified' | 'started_since' | 'not_running';
      readonly detail: string;
      /** Ids of those that were notified, or started since, where they are known. */
      readonly processes?: readonly number[];
      readonly hook?: HookRun;
    }
  | { readonly result: 'scheduled'; readonly detail: string; readonly until: number }
  | { readonly result: 'ended'; readonly error: ErrorInfo }
  | PendingResult;

export interface PendingResult {
  readonly result: 'pending';
  readonly error: ErrorInfo;
  readonly kind: 'later' | 'refused';
  /** Those that are still to be notified, as far as they are known. */
  readonly processes?: readonly RunningProcess[];
  readonly hook?: HookRun;
}

/** What a notification would do, found the way that it is done, with nothing sent. */
export interface Prospect {
  /** `SIGHUP`, `systemctl reload web.service`, `run /usr/bin/hook`. */
  readonly action: string;
  readonly processes: readonly ProspectiveProcess[];
  /** What is said without anything being sent; undefined: it would be sent. */
  readonly result?: Outcome;
}

export interface ProspectiveProcess {
  readonly pid: number;
  /** The last part of its executable's path; undefined where that is hidden. */
  readonly program?: string;
  /** Why it would not be notified. */
  readonly error?: ErrorInfo;
}
