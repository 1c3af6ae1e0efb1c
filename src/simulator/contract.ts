import type { IssuedCredentials } from './credentials.ts';
import type { Fault } from './faults.ts';

/** Durations are milliseconds. */
export interface SimulatorOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** From the issue of credentials to their expiration; default 6 h. */
  readonly lifetime?: number;
  /** Default 1 h. */
  readonly rotateEvery?: number;
  /** Default `demo-role`; null: the instance has no role. */
  readonly role?: string | null;
  readonly instanceId?: string;
  readonly accountId?: string;
  readonly userData?: Buffer | string;
  /** Answer requests without a session token (IMDSv1); default false. */
  readonly v1?: boolean;
  readonly faults?: readonly Fault[];
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  /** 0 where a fault left the request without an answer. */
  readonly status: number;
}

/** A stand-in for the metadata service of an EC2 instance. Its credentials are made up. */
export interface Simulator {
  /** Without a trailing slash: `http://127.0.0.1:40123`. */
  readonly url: string;
  /** The last thousand requests to the metadata, oldest first. */
  readonly requests: readonly RequestRecord[];
  /** New credentials at once. */
  rotate(): void;
  /** Another role, with credentials of its own, or none. */
  setRole(role: string | null): void;
  setFaults(faults: readonly Fault[]): void;
  state(): SimulatorState;
  current(): IssuedCredentials;
  /** Ends hanging connections too. */
  close(): Promise<void>;
}

/** What the control endpoint shows. Times are epoch milliseconds. */
export interface SimulatorState {
  readonly role: string | null;
  readonly generation: number;
  readonly accessKeyId: string;
  readonly expiration: number;
  readonly nextRotation: number;
  readonly faults: readonly Fault[];
  readonly requests: readonly RequestRecord[];
}
