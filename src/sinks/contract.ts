import type { Credentials } from '../core/credentials.ts';
import type { BootTime } from '../core/contracts.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { SinkConfig } from '../core/config.ts';
import type { SinkOutcome } from '../core/outcomes.ts';

/** What a format makes of a file: all the new bytes, or a refusal that leaves the file alone. */
export type Rendered =
  | { readonly ok: true; readonly bytes: Buffer; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly error: ErrorInfo };

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

export interface ApplyResult {
  readonly outcomes: readonly SinkOutcome[];
  /** For the sinks that stand as configured; replaces what was known of each sink of the request. */
  readonly records: SinkRecords;
}
