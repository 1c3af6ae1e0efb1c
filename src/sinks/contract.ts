import type { SinkConfig } from '../core/config.ts';
import type { Actors, AtomicFiles, BootTime, Clock, FileSecurity, UserIds, Users } from '../core/contracts.ts';
import type { Credentials, Origin, CredentialsVersion } from '../core/credentials.ts';
import type { ErrorInfo } from '../core/errors.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import type { ReadFile } from '../files/read.ts';
import type { Directory } from '../paths/held.ts';
import type { Made, Since, SinkRecord } from './record.ts';

/** A result, or a refusal that leaves the file alone. */
export type OrRefusal<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly error: ErrorInfo };

export interface NewFile {
  readonly bytes: Buffer;
  readonly warnings: readonly string[];
  /** Lines to show of the change, where its own would give secrets away. */
  readonly diff?: readonly string[];
}

export type Rendered = OrRefusal<NewFile>;

/** Pure. `existing`: the bytes of the file; undefined: there is none. */
export type Render = (
  existing: Buffer | undefined,
  credentials: Credentials,
  sink: SinkConfig,
  origin: Origin,
) => Rendered;

/** A file without the parts of a sink. */
export interface Left {
  /** The bytes that were given, if nothing of ours is in them; undefined: nothing is left. */
  readonly bytes: Buffer | undefined;
  /** The access key ids in our places: they show whether the values are ours. */
  readonly keyIds: readonly string[];
  readonly warnings: readonly string[];
}

export type Forgotten = OrRefusal<Left>;

/** Pure. */
export type Forget = (existing: Buffer, sink: SinkConfig) => Forgotten;

/** Both in one, of a format that only some hosts need. They throw refusals. */
export interface Format<S extends SinkConfig> {
  readonly render: (existing: Buffer | undefined, credentials: Credentials, sink: S, origin: Origin) => NewFile;
  readonly forget: (existing: Buffer, sink: S) => Left;
}

/** By the id of each sink. */
export type SinkRecords = Readonly<Record<string, SinkRecord>>;

/** A temp file that exists beside a sink, empty until this was journalled. */
export interface TempFile {
  readonly path: string;
  readonly inode: string;
  /** A process of this user made it, and only such a process removes it; unset: made by the agent itself. */
  readonly uid?: number;
}

export interface ApplyRequest {
  readonly sinks: readonly SinkConfig[];
  /** Sinks of other sources in the same files: they stay as they are, and their records follow the files. */
  readonly neighbours?: readonly SinkConfig[];
  /** Names or numbers of groups that may write in the directories on the way. */
  readonly trustedGroups: readonly (string | number)[];
  /** Mount points. */
  readonly privateVolumes: readonly string[];
  /** Of the credentials that are, or should be, in the files. */
  readonly version: CredentialsVersion;
  /** Undefined: there are none any more. Sinks are only compared with their records, and none is written. */
  readonly credentials: Credentials | undefined;
  readonly origin: Origin;
  /** Whether the credentials are new: `written`, or else `repaired`. */
  readonly rotated: boolean;
  readonly records: SinkRecords;
  /** The journal: temp files that a kill may have left behind, to be removed. */
  readonly temps: readonly TempFile[];
  /**
   * Called for each batch when its temp files exist, still empty, and before any rename of the batch: the journal and
   * the pending notifications must be on disk when it returns. `changing`: the ids of the sinks whose bytes will
   * change. When it throws, the caller reports why: the sinks are written all the same.
   */
  readonly beforeWrite: (temps: readonly TempFile[], changing: readonly string[]) => Promise<void>;
}

export interface PreviewRequest extends Omit<
  ApplyRequest,
  'beforeWrite' | 'records' | 'temps' | 'version' | 'credentials'
> {
  /** The credentials; or, if they are lost, their version: sinks are only compared with their records. */
  readonly credentials: Credentials | CredentialsVersion;
  /** Unset: every sink is read and rendered. */
  readonly records?: SinkRecords;
}

/**
 * The outcome that applying would have, and the bytes of a sink that would be replaced: they hold secrets, so never show
 * them whole. Those of a large file on a user's path, and of more than 32 MiB of all files, are left out.
 */
export interface SinkPreview extends SinkOutcome {
  readonly current?: Buffer;
  readonly next?: Buffer;
  /** Lines to show instead. */
  readonly diff?: readonly string[];
}

export interface ForgetRequest extends Pick<
  ApplyRequest,
  'sinks' | 'trustedGroups' | 'privateVolumes' | 'temps' | 'beforeWrite'
> {
  /**
   * The key that was written last, as it is displayed: values in a file are ours if it is theirs. Unset: none was
   * written.
   */
  readonly keyId: string | undefined;
  /** A file that nobody has touched since it was written is ours whatever its values. */
  readonly records?: SinkRecords;
  /** Remove all values in our places, ours or not. */
  readonly force: boolean;
}

export type ForgetResult = Pick<ApplyResult, 'outcomes' | 'temps'>;

export interface ApplyResult {
  readonly outcomes: readonly SinkOutcome[];
  /** Records of the sinks that are as configured; replaces the records of all sinks of the request. */
  readonly records: SinkRecords;
  /** Temp files that are still to be removed, those of this call included. */
  readonly temps: readonly TempFile[];
}

/** The outside world, as far as sinks need it. */
export interface SinkDeps {
  readonly files: AtomicFiles;
  readonly security: FileSecurity;
  readonly users: Users;
  readonly clock: Pick<Clock, 'now'>;
  readonly readBootTime: () => BootTime;
  readonly render: Render;
  readonly forget: Forget;
  /** Called before these two: loads what the formats of these sinks need. */
  readonly loadFormats: (sinks: readonly SinkConfig[]) => Promise<void>;
  /** Unset: nothing is written where another user controls the path. */
  readonly actors?: Actors;
}

/** A file with its configured owner and mode. */
export type ConfiguredFile = Pick<SinkConfig, 'path' | 'owner' | 'group' | 'mode' | 'isModeAny' | 'isUsualMode'>;

/**
 * A file with its sinks, each a part: they agree on owner and mode. The file is read and written once for all of them.
 */
export interface SinkFile extends ConfiguredFile {
  readonly sinks: readonly SinkConfig[];
}

export function filesOf(sinks: readonly SinkConfig[]): SinkFile[] {
  return [...Map.groupBy(sinks, ({ path }) => path).values()].flatMap((parts) => {
    const [first] = parts;
    return first ? [{ ...first, sinks: parts }] : [];
  });
}

/** A name in a directory that is held. */
export interface Spot {
  readonly directory: Directory;
  readonly name: string;
}

/** The place of a file, with its owner. */
export interface Place extends Spot {
  readonly file: SinkFile;
  /** Names of directories that are to be made, each in the one before. */
  readonly missing: readonly string[];
  /** The file's path without symlinks. */
  readonly path: string;
  readonly ids: UserIds;
  /** How the missing directories are to be made. */
  readonly making?: Making;
  /** The same in every pass: its owner or group cannot reach it. */
  readonly warnings: readonly string[];
}

/** How a missing directory is to be made. */
export interface Making {
  readonly owner: UserIds;
  readonly mode: number;
}

/** A file that is there, as it was read. */
export interface ExistingFile extends ReadFile {
  readonly hasAcl: boolean;
  readonly label: Buffer | undefined;
}

/** A sink with its final outcome. */
export interface FinishedSink {
  readonly sink: SinkConfig;
  readonly outcome: SinkOutcome;
  /** Set if the sink is as configured. */
  readonly record?: SinkRecord;
}

/** A sink of a file that is to be replaced, with its outcome once it is. */
export interface Part extends FinishedSink {
  /** It needs no replacing, or is refused: the outcome is final. */
  readonly isFinished?: true;
  /** Unset: no record is to be made of it. */
  readonly made?: Made;
  /** Unset: its bytes change now. */
  readonly since?: Since;
  /** The file before and after this sink's own change. */
  readonly shown?: Pick<SinkPreview, 'current' | 'next' | 'diff'>;
}

export interface Replacement extends Place {
  /** The file that was read and merged; undefined: there is none. */
  readonly existing: ExistingFile | undefined;
  /** Undefined: the file is to go. */
  readonly bytes: Buffer | undefined;
  readonly parts: readonly Part[];
}

export type Prepared = { readonly finished: readonly FinishedSink[] } | { readonly change: Replacement };

/** The work of one identity on sinks. */
export type Job = JobScope & (WriteOptions | ForgetOptions);

/** Others who may write on the ways to sinks. */
export interface PathTrust extends Pick<ApplyRequest, 'privateVolumes'> {
  /** Group ids. */
  readonly trustedGroups: readonly number[];
}

export interface JobScope extends PathTrust {
  readonly sinks: readonly SinkConfig[];
  readonly temps: readonly TempFile[];
}

export interface WriteOptions extends Pick<ApplyRequest, 'version' | 'credentials' | 'origin' | 'rotated' | 'records'> {
  readonly kind: 'apply' | 'preview';
  /** Ids. */
  readonly neighbours?: readonly string[];
}

/** Remove what is ours from sinks, or preview that. No secret is in it. */
export interface ForgetOptions extends Pick<ForgetRequest, 'keyId' | 'force' | 'records'> {
  readonly kind: 'forget' | 'preview-forget';
}

/** A preview has bytes. */
export interface JobResult extends Omit<ApplyResult, 'outcomes'> {
  readonly outcomes: readonly SinkPreview[];
}

/** Whether a job of this kind changes nothing, and is answered with bytes to be shown. */
export function isPreview(kind: Job['kind']): boolean {
  return kind === 'preview' || kind === 'preview-forget';
}

/** A file whose temp file is there, still empty. */
export interface Staged {
  readonly file: Pick<SinkFile, 'path'>;
  readonly temp: TempFile;
  readonly changing: readonly SinkConfig[];
}

/** Called for each batch before its first byte. When it rejects, nothing of the batch is written. */
export type BeforeWrite = (staged: readonly Staged[]) => Promise<void>;
