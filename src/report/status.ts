import type { ErrorInfo } from '../core/errors.ts';
import type { ConsumerOutcome, ConsumerResult, SinkOutcome, SourceOutcome } from '../core/outcomes.ts';
import type { EvidenceStatus } from './status-evidence.ts';

/**
 * What `status.json` holds and `status --json` prints: no secrets, readable by everybody. Times are RFC 3339.
 * A field that is not known is absent. Its JSON Schema is made of status-schema.ts.
 */
export interface Status {
  readonly writtenAt: string;
  readonly agent: AgentStatus;
  /** Absent when options of the command line named the sinks. */
  readonly configuration?: ConfigurationStatus;
  readonly generation: number;
  readonly source: Omit<SourceOutcome, 'expiration'> & {
    /** Since when it has been in this state. */
    readonly since: string;
    readonly expiration?: string;
    /** When the credentials that stand were first seen. */
    readonly fetchedAt?: string;
  };
  readonly lastPass: {
    /** Its end. */
    readonly at: string;
    readonly trigger: string;
    readonly rotated: boolean;
    readonly seconds: number;
  };
  /** The end of the last pass that had good credentials and in which every sink stood. */
  readonly lastSuccess?: string;
  /** When the agent plans the next pass, and why then. Absent after a one-shot. */
  readonly nextPass?: { readonly at?: string; readonly reason?: string };
  readonly sinks: readonly SinkStatus[];
  readonly consumers: readonly ConsumerStatus[];
  /** Since the host was booted. */
  readonly counters: Counters;
  readonly errors: readonly ErrorInfo[];
}

/** Who made the last pass. */
export interface AgentStatus {
  readonly version: string;
  readonly pid: number;
  /** Of the process, in milliseconds since the boot, as /proc says it. */
  readonly startTime: number;
  readonly bootId: string;
  readonly uid: number;
  readonly mode: 'run' | 'once';
  /** Of a one-shot that something starts again and again: after how many seconds. */
  readonly every?: number;
  readonly stoppedAt?: string;
}

/** The configuration that is in force, and what has become of it on disk. */
export interface ConfigurationStatus {
  /** The main file, there or not. */
  readonly path: string;
  /** In the order in which they were read. */
  readonly files: readonly string[];
  /** Of the bytes of its files, and of what they mean. */
  readonly digest: string;
  readonly meaning: string;
  readonly onDisk: OnDisk;
}

/** The configuration on disk beside the one in force. `unknown`: it cannot be looked at. */
export interface OnDisk {
  readonly state: 'in_force' | 'edited' | 'refused' | 'unknown';
  /** Since when it is another: its last change. */
  readonly since?: string;
  /** The first thing that is wrong with it: `FILE:LINE:COLUMN: SETTING: MESSAGE`. */
  readonly problem?: string;
}

export interface SinkStatus extends Omit<SinkOutcome, 'bytesChanged' | 'result' | 'evidence'> {
  /** `unknown`: there have never been credentials to compare it with. */
  readonly result: SinkOutcome['result'] | 'unknown';
  /** Since when it is not up to date. */
  readonly since?: string;
  /** When its bytes last changed by us. */
  readonly writtenAt?: string;
  /** As the last pass saw it; absent when that pass wrote the file. */
  readonly evidence?: EvidenceStatus;
}

export interface ConsumerStatus extends Partial<Omit<ConsumerOutcome, 'processes'>> {
  readonly name: string;
  readonly type: string;
  /** By their paths, and by path and part those of which several keep one file. */
  readonly sinks: readonly string[];
  /** Of which rotation it knows, since when, and how it came to. */
  readonly known?: KnownStatus;
  /** Since when a notification is pending. */
  readonly pendingSince?: string;
  /** Of a pending one: processes that go on with what they read before. */
  readonly stale?: readonly { readonly pid: number; readonly startedAt: string }[];
  /** Whether it was notified and nobody has read its sinks since. Absent when that cannot be known, or not yet. */
  readonly notReading?: boolean;
}

export interface KnownStatus {
  readonly generation: number;
  readonly at: string;
  readonly expiration: string;
  readonly by?: 'notified' | 'started_since' | 'not_running';
}

/** What was counted, by the labels of the metrics. */
export interface Counters {
  /** By HTTP status, or `failed` for those without an answer. */
  readonly imdsRequests: Readonly<Record<string, number>>;
  /** By path and part. */
  readonly sinkWrites: Readonly<Record<string, number>>;
  /** Attempts, by consumer and result. */
  readonly notifications: Readonly<Record<string, Readonly<Partial<Record<ConsumerResult, number>>>>>;
}
