import type { SinkConfig } from '../core/config.ts';
import type { Actors, AtomicFiles, BootTime, Clock, FileSecurity, UserIds, Users } from '../core/contracts.ts';
import type { Credentials, Origin, Print } from '../core/credentials.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import type { SinkRecord } from './record.ts';
import type { Spot } from './place/existing.ts';

/** What a format makes of a file, or a refusal that leaves the file alone. */
export type Attempt<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly error: ErrorInfo };

export interface NewFile {
  readonly bytes: Buffer;
  readonly warnings: readonly string[];
}

export type Rendered = Attempt<NewFile>;

/** Pure; `existing` is what stands in the file, undefined when there is none. */
export type Render = (
  existing: Buffer | undefined,
  credentials: Credentials,
  sink: SinkConfig,
  origin: Origin,
) => Rendered;

/** What is left of a file without what a format has put there. */
export type Forgotten = Attempt<{
  /** What was given, when nothing of ours is in it; undefined when nothing of anybody's is left. */
  readonly bytes: Buffer | undefined;
  /** The access key ids that stand in our places: they tell whether what stands there is ours. */
  readonly keyIds: readonly string[];
  readonly warnings: readonly string[];
}>;

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

/** What the sinks need of the outside world. */
export interface SinkDeps {
  readonly files: AtomicFiles;
  readonly security: FileSecurity;
  readonly users: Users;
  readonly clock: Pick<Clock, 'now'>;
  readonly readBootTime: () => BootTime;
  readonly render: Render;
  readonly forget: Forget;
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
    return first ? [{ ...first, sinks: parts }] : [];
  });
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

/** What one identity is to do with sinks, by itself. */
export type Job = Scope & (WriteWish | ForgetWish);

/** Where: the sinks of that identity. */
export interface Scope {
  readonly sinks: readonly SinkConfig[];
  /** Group ids. */
  readonly trustedGroups: readonly number[];
  /** To be swept. */
  readonly temps: readonly TempFile[];
}

/** To write sinks, or to look at what that would come to. */
export interface WriteWish extends Pick<ApplyRequest, 'print' | 'credentials' | 'origin' | 'rotated' | 'records'> {
  readonly kind: 'apply' | 'preview';
}

/** To take what is ours out of sinks, or to look at that. It holds no secret. */
export interface ForgetWish extends Pick<ForgetRequest, 'keyId' | 'force'> {
  readonly kind: 'forget' | 'preview-forget';
}

/** With bytes where it was a look. */
export interface Done extends Omit<ApplyResult, 'outcomes'> {
  readonly outcomes: readonly SinkPreview[];
}

/** Whether a job of this kind changes nothing, and is answered with bytes to be shown. */
export function isLook(kind: Job['kind']): boolean {
  return kind === 'preview' || kind === 'preview-forget';
}

/** A file whose temp file is there, still empty. */
export interface Staged {
  readonly file: Pick<SinkFile, 'path'>;
  readonly temp: TempFile;
  /** Those whose bytes will be others. */
  readonly changing: readonly SinkConfig[];
}

/** Called for each batch before its first byte. When it rejects, nothing of the batch is written. */
export type BeforeWrite = (staged: readonly Staged[]) => Promise<void>;
