import type { Origin } from './credentials.ts';
import type { ErrorInfo } from './errors.ts';
import type { SinkKey } from './sink-id.ts';

export type SourceState = 'ok' | 'stale' | 'expired' | 'no_role' | 'denied' | 'unreachable' | 'malformed' | 'disabled';

/** How a sink differed from the credentials and the configuration. */
export type Drift = 'missing' | 'bytes' | 'mode' | 'owner';

/**
 * `written`: new credentials, another expiration of the same keys, or a file that did not hold the current ones by us
 * yet; `repaired`: we had written just these, and somebody changed it; `refused`: left alone for safety; `failed`:
 * tried, and the old file is still there; `outdated`: not known to hold the current credentials, and there were none to
 * write into it. When sinks are forgotten: `forgotten`: ours is removed, the rest is kept; `removed`: nothing was left,
 * the file is gone.
 */
export type SinkResult =
  'written' | 'repaired' | 'unchanged' | 'outdated' | 'forgotten' | 'removed' | 'refused' | 'failed';

export interface SinkOutcome extends SinkKey {
  readonly format: string;
  readonly result: SinkResult;
  /**
   * Whether readers see other bytes than before, but for another expiration of the same keys: then consumers are
   * notified.
   */
  readonly bytesChanged: boolean;
  readonly drift: readonly Drift[];
  /** From what to what: `mode 0666 instead of 0640`. Where there is drift. */
  readonly detail?: string;
  readonly warnings: readonly string[];
  /** Its owner or group cannot reach it: a warning says who and why. */
  readonly isUnreachable?: true;
  /** Absent when this pass wrote the file, which nobody can have read yet, and when it could not be looked at. */
  readonly evidence?: SinkEvidence;
  readonly error?: ErrorInfo;
}

/**
 * Whether anybody has read a sink since it was written, by its access time. `unknown`: its file system does not keep
 * access times. Epoch milliseconds.
 */
export type SinkEvidence =
  | { readonly kind: 'read'; readonly writtenAt: number; readonly readAt: number }
  | { readonly kind: 'unread' | 'unknown'; readonly writtenAt: number };

/**
 * `notified`: delivered; `started_since`: started after its sinks were renamed, nothing to do; `not_running`: not
 * running; `scheduled`: has credentials that are good for a while (`when: expiring`); `pending`: to be tried again;
 * `ended`: it did not survive the last notification, and gets no other until its configuration changes or somebody asks
 * for it by name.
 */
export type ConsumerResult = 'notified' | 'started_since' | 'not_running' | 'scheduled' | 'pending' | 'ended';

export interface ConsumerOutcome {
  readonly name: string;
  readonly result: ConsumerResult;
  readonly generation: number;
  /** The notification: `SIGHUP to pid 4711`. */
  readonly detail?: string;
  /** Of a scheduled consumer: when it is to be notified; epoch milliseconds. */
  readonly dueAt?: number;
  /** Of an ended consumer: whether a successor runs, and when the credentials that it knows are about to expire. */
  readonly successor?: { readonly isRunning: boolean; readonly runsOutAt: number };
  /** Of a pending consumer: the known processes that still run with the former credentials. */
  readonly processes?: readonly RunningProcess[];
  readonly error?: ErrorInfo;
  readonly hook?: HookRun;
}

export interface HookRun {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Unset: a signal ended it, or its timeout. */
  readonly exitCode?: number;
  /** The end of what it printed, without secrets; for root alone. */
  readonly output: string;
}

export interface RunningProcess {
  readonly pid: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
}

export interface SourceOutcome {
  readonly name: string;
  readonly state: SourceState;
  readonly rotated: boolean;
  readonly origin: Origin;
  /** The former origin, if role, account or instance changed in this pass. */
  readonly movedFrom?: Origin;
  /** Our clock minus the source's, in milliseconds, if this pass learned the source's time. */
  readonly clockSkew?: number;
  /** The last characters of the current key id. */
  readonly keyId?: string;
  /** Of the current credentials; epoch milliseconds. */
  readonly expiration?: number;
  readonly error?: ErrorInfo;
}

/**
 * The results of the last passes, one of each source: logged, printed by `once --json`, sent over the control socket.
 * Times are epoch milliseconds.
 */
export interface PassReport {
  readonly trigger: PassTrigger;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly generation: number;
  readonly rotated: boolean;
  /** The user id of the person who accepted them although the former ones live longer. */
  readonly acceptedBy?: number;
  /** The source in the worst state. */
  readonly source: SourceOutcome;
  /** The sources that have had a pass. */
  readonly sources: readonly SourceOutcome[];
  readonly sinks: readonly SinkOutcome[];
  readonly consumers: readonly ConsumerOutcome[];
  /** Trouble with our own state: sinks are written all the same. */
  readonly errors: readonly ErrorInfo[];
}

export type PassTrigger = 'start' | 'scheduled' | 'refresh' | 'reload' | 'once';

/** A result after which no process is watched. */
export type Outcome =
  | {
      readonly result: 'notified' | 'started_since' | 'not_running';
      readonly detail: string;
      /** Ids of those that were notified, or started since, where they are known. */
      readonly processes?: readonly number[];
      readonly hook?: HookRun;
    }
  /** To be tried again at `until`, in epoch milliseconds, since to notify it means a restart. */
  | { readonly result: 'scheduled'; readonly detail: string; readonly until: number }
  | { readonly result: 'ended'; readonly error: ErrorInfo }
  | PendingResult;

export interface PendingResult {
  readonly result: 'pending';
  readonly error: ErrorInfo;
  /** `later`: it is starting or stopping; `refused`: until somebody changes something. */
  readonly kind: 'later' | 'refused';
  /** The known processes that are still to be notified. */
  readonly processes?: readonly RunningProcess[];
  readonly hook?: HookRun;
}

/** A notification as it would be, found in the same way, with nothing sent. */
export interface Prospect {
  /** `SIGHUP`, `systemctl reload web.service`, `run /usr/bin/hook`. */
  readonly action: string;
  readonly processes: readonly ProspectiveProcess[];
  /** The outcome if nothing would be sent; undefined: it would be sent. */
  readonly result?: Outcome;
}

export interface ProspectiveProcess {
  readonly pid: number;
  /** The last part of its executable's path; undefined where that is hidden. */
  readonly program?: string;
  readonly error?: ErrorInfo;
}
