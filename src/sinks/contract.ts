import type { Credentials, Origin, Print } from '../core/credentials.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { SinkConfig } from '../core/config.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import type { SinkRecord } from './record.ts';

/** What a format makes of a file: all the new bytes, or a refusal that leaves the file alone. */
export type Rendered =
  | { readonly ok: true; readonly bytes: Buffer; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly error: ErrorInfo };

/** Pure; `existing` is what stands in the file, undefined when there is none. */
export type Render = (
  existing: Buffer | undefined,
  credentials: Credentials,
  sink: SinkConfig,
  origin: Origin,
) => Rendered;

/** What is left of a file without what a format has put there, or a refusal that leaves the file alone. */
export type Forgotten =
  | {
      readonly ok: true;
      /** What was given, when nothing of ours is in it; undefined when nothing of anybody's is left. */
      readonly bytes: Buffer | undefined;
      /** The access key ids that stand in our places: they tell whether what stands there is ours. */
      readonly keyIds: readonly string[];
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly error: ErrorInfo };

/** Pure. */
export type Forget = (existing: Buffer, sink: SinkConfig) => Forgotten;

/** By what tells sinks apart. */
export type SinkRecords = Readonly<Record<string, SinkRecord>>;

/** A temp file that exists beside a sink, empty until this was journalled. */
export interface TempFile {
  readonly path: string;
  readonly inode: string;
  /** Made on the word of a process of this user, and removed by such a one alone; unset: made by the agent itself. */
  readonly uid?: number;
}

export interface ApplyRequest {
  readonly sinks: readonly SinkConfig[];
  /** Names or numbers of groups that may write in the directories on the way. */
  readonly trustedGroups: readonly (string | number)[];
  /** Of the credentials that are, or should be, in the files. */
  readonly print: Print;
  /** Undefined: nobody has them any more. Sinks are only compared with what is known of them, and none is written. */
  readonly credentials: Credentials | undefined;
  readonly origin: Origin;
  /** Whether the credentials are new, which tells `written` from `repaired`. */
  readonly rotated: boolean;
  readonly records: SinkRecords;
  /** The journal: what a kill may have left behind is removed. */
  readonly temps: readonly TempFile[];
  /**
   * Called for each batch when its temp files are there but empty, and before any rename of the batch: the journal and
   * the pending notifications must be on disk when it returns. `changing` tells the sinks whose bytes will be others.
   * When it throws, the trouble is the caller's to report: the sinks are written all the same.
   */
  readonly beforeWrite: (temps: readonly TempFile[], changing: readonly string[]) => Promise<void>;
}

export interface PreviewRequest extends Omit<ApplyRequest, 'beforeWrite' | 'records' | 'temps' | 'print'> {
  readonly credentials: Credentials;
  /** Unset: every sink is read and rendered. */
  readonly records?: SinkRecords;
}

/**
 * What applying would come to, and for a sink that would be replaced its bytes: with secrets, so never to be shown
 * whole. Those of a very large file on a user's path are left out.
 */
export interface SinkPreview extends SinkOutcome {
  readonly current?: Buffer;
  readonly next?: Buffer;
}

export interface ForgetRequest extends Pick<ApplyRequest, 'sinks' | 'trustedGroups' | 'temps' | 'beforeWrite'> {
  /** As it is shown, the key that was written last: what stands there is ours if it is this one. Unset: none was. */
  readonly keyId: string | undefined;
  /** Whatever stands in our places goes, ours or not. */
  readonly force: boolean;
}

export type ForgetResult = Pick<ApplyResult, 'outcomes' | 'temps'>;

export interface ApplyResult {
  readonly outcomes: readonly SinkOutcome[];
  /** For the sinks that stand as configured; replaces what was known of each sink of the request. */
  readonly records: SinkRecords;
  /** What is still to be removed of the journal, the temp files of this call included. */
  readonly temps: readonly TempFile[];
}
