import type { Credentials, Origin } from '../core/credentials.ts';
import type { BootTime } from '../core/contracts.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { SinkConfig } from '../core/config.ts';
import type { SinkOutcome } from '../core/outcomes.ts';

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

/**
 * A sink as it stood when we last wrote or verified it. Equal lstat values mean that nobody touched it, so that
 * a pass without news needs no read. Numbers of 64 bits are decimal strings.
 */
export interface SinkRecord {
  /** Of the credentials, the format's options, mode and owner: another value means that it must be rendered anew. */
  readonly key: string;
  readonly inode: string;
  readonly size: string;
  readonly ctimeNs: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** When its bytes last changed; epoch milliseconds, and on the kernel's clock. */
  readonly renamedAt: number;
  readonly renamedAtBoot: BootTime;
}

export type SinkRecords = Readonly<Record<string, SinkRecord>>;

/** A temp file that exists beside a sink, empty until this was journalled. */
export interface TempFile {
  readonly path: string;
  readonly inode: string;
}

export interface ApplyRequest {
  readonly sinks: readonly SinkConfig[];
  readonly credentials: Credentials;
  readonly origin: Origin;
  /** Whether the credentials are new, which tells `written` from `repaired`. */
  readonly rotated: boolean;
  readonly records: SinkRecords;
  /**
   * Called for each batch when its temp files are there but empty, and before any rename of the batch: the journal and
   * the pending notifications must be on disk when it returns. `changing` names the sinks whose bytes will be others.
   * When it throws, the trouble is the caller's to report: the sinks are written all the same.
   */
  readonly beforeWrite: (temps: readonly TempFile[], changing: readonly string[]) => Promise<void>;
}

export type PreviewRequest = Omit<ApplyRequest, 'beforeWrite' | 'records'>;

/** What applying would come to, and for a sink that would be replaced its bytes: with secrets, so never to be shown whole. */
export interface SinkPreview extends SinkOutcome {
  readonly current?: Buffer;
  readonly next?: Buffer;
}

export interface ApplyResult {
  readonly outcomes: readonly SinkOutcome[];
  /** For the sinks that stand as configured; replaces what was known of each sink of the request. */
  readonly records: SinkRecords;
}
