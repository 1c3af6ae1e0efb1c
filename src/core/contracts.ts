import type { Credentials, KnownIdentity, Origin } from './credentials.ts';
import type { ErrorInfo } from './errors.ts';
import type { SourceState } from './outcomes.ts';

/** Contracts with the outside world. system/ implements them, and main.ts hands them in. */

/** Environment variables by name; an empty value counts as unset. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /**
   * Ends after this time by the wall clock (30 s after a step at most) or really, whichever is first, or if aborted.
   */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** The first match of a cron pattern after `epochMs`; undefined when there is none. */
  nextMatch(schedule: { readonly pattern: string; readonly timezone?: string }, epochMs: number): number | undefined;
}

/** Where credentials come from. Failures are outcomes, not exceptions; only an abort rejects. */
export interface Source {
  /**
   * Makes new credentials each time that it is asked, as a service that many hosts share does: it is asked only when
   * those before run out. Unset: gives what it has and may replace at any time, and is asked every
   * `refresh.max_interval`.
   */
  readonly isIssuer?: true;
  /** Is asked so often at least, in milliseconds; unset: every `refresh.max_interval`. */
  readonly interval?: number;
  fetch(signal: AbortSignal): Promise<Fetched>;
  /**
   * The user who decides what it gives, as {@link Origin.user}, as far as that shows without asking the source. Rejects
   * with AgentError. Unset: nobody but root and the agent.
   */
  user?(signal: AbortSignal): Promise<number | undefined>;
  /** Calls `changed` when it may give something else by now, until aborted; where it cannot, never. */
  watch?(changed: () => void, signal: AbortSignal): Promise<void>;
}

/** The source whose credentials another one signs with. */
export interface Base {
  readonly name: string;
  /**
   * Credentials that live for five minutes at least: fetched first where those that are known live for less, or where
   * `isRefused` says that the service took these for expired; then those that come, whatever their life.
   */
  fetch(signal: AbortSignal, isRefused?: boolean): Promise<Fetched>;
}

export type Fetched = SuccessfulFetch | FailedFetch;

export interface SuccessfulFetch {
  readonly ok: true;
  readonly credentials: Credentials;
  readonly origin: Origin;
  readonly identity?: KnownIdentity;
  /** Our clock minus the source's, in milliseconds, if this fetch gave the source's time. */
  readonly clockSkew?: number;
}

export interface FailedFetch {
  readonly ok: false;
  readonly state: Exclude<SourceState, 'ok' | 'stale'>;
  readonly error: ErrorInfo;
  /** `throttled`: many hosts ask too often; `later`: until somebody changes something it will fail again. */
  readonly retry?: 'throttled' | 'later';
  readonly clockSkew?: number;
}

export interface HttpRequest {
  /** Scheme, host and port: `http://127.0.0.1:1338`. */
  readonly origin: string;
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the whole exchange, connection and body included. */
  readonly signal: AbortSignal;
  /** A longer body is an error. */
  readonly maxBytes: number;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; of repeated headers the first. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Follows no redirect, and uses no proxy but one that it was made with. Rejects with {@link HttpError}. */
export interface Http {
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Drops idle connections, so that the process can end. */
  close(): Promise<void>;
}

export interface HttpsOptions {
  /** The certificates, as PEM, that replace those that Node brings. */
  readonly ca?: string;
  /** A plain HTTP proxy to ask for a tunnel, with our authorization, a secret. */
  readonly proxy?: { readonly origin: string; readonly authorization?: string };
}

/** Of a client that is not shared. Only with `tls` it speaks to origins of https. */
export interface HttpOptions {
  readonly tls?: HttpsOptions;
  /**
   * Looks at a plain connection to a `remote` address from a `local` one, before anything is sent. Returns the reason
   * not to trust it: then nothing is sent, and the failure is `untrusted`.
   */
  readonly vet?: (remote: string, local: string) => string | undefined;
}

/**
 * Nothing was sent: `no_route`: this host has no way there; `prohibited`: a route or SELinux forbids it; `untrusted`:
 * the certificate of the peer, or what {@link HttpOptions.vet} says; `proxy`: the proxy gave no way.
 */
export type HttpFailure =
  'aborted' | 'connect' | 'no_route' | 'prohibited' | 'untrusted' | 'proxy' | 'reset' | 'too_large' | 'protocol';

export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly failure: HttpFailure;

  constructor(failure: HttpFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

/** `event` is a stable name for JSON readers: `sink_written`. */
export interface LogFields {
  readonly event: string;
  readonly [field: string]: LogValue;
}

/** No objects: a Secret or a foreign error must not be logged. */
export type LogValue = string | number | readonly string[] | undefined;

export interface Log {
  error(message: string, fields: LogFields): void;
  warn(message: string, fields: LogFields): void;
  info(message: string, fields: LogFields): void;
  debug(message: string, fields: LogFields): void;
}

/** An empty temp file beside the file that it is to replace, readable by its owner alone. */
export interface TempHandle {
  /** Open for writing, under the very descriptor with which it was made. */
  readonly fd: number;
  readonly name: string;
}

/**
 * Replaces a file by a new one, whole. `stage` must put owner, mode and bytes in place and sync them. Only when it
 * returns is the temp file renamed; when it throws, the temp file is removed and the error comes out. `path` is below
 * the descriptor of a directory, which stays open until this has settled. Rejects with {@link Exchanged} and errno
 * errors.
 */
export interface AtomicFiles {
  replace(path: string, stage: (temp: TempHandle) => Promise<void>): Promise<void>;
}

/** Somebody who may make entries in the directory put another file in place of ours. */
export class Exchanged extends Error {
  override readonly name = 'Exchanged';
  /** Whether the old file is gone already. */
  readonly isReplaced: boolean;

  constructor(isReplaced: boolean) {
    super(isReplaced ? 'another file took the place of the new one' : 'another file took the place of the temp file');
    this.isReplaced = isReplaced;
  }
}

/**
 * Attributes beside mode bits and owner that decide who may open a file. Works on open descriptors, so that nothing can
 * be swapped underneath. Throws errno errors.
 */
export interface FileSecurity {
  /** Whether an access ACL gives rights beyond owner, group and others. */
  hasAcl(fd: number): boolean;
  /** Removes the access ACL, which a directory's default ACL gives to every new file. */
  dropAcl(fd: number): void;
  /** The SELinux label, as the kernel keeps it; undefined where files have none. */
  label(fd: number): Buffer | undefined;
  setLabel(fd: number, label: Buffer): void;
}

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

export interface User extends UserIds {
  /** A number without an entry: its groups are unknown. */
  readonly isUnlisted?: true;
}

/**
 * The user and group database, names or numbers in; undefined when there is no such one. Rejects when it does not
 * answer.
 */
export interface Users {
  user(nameOrId: string | number): Promise<User | undefined>;
  group(nameOrId: string | number): Promise<number | undefined>;
  /** By numbers; a user without an entry is in no group. */
  isMember(uid: number, gid: number): Promise<boolean>;
}

/** A line, or why there will be no more: `exit code 1`, `SIGKILL`, `ENOENT on spawn`, `more than 4096 bytes`. */
export type Heard = { readonly ok: true; readonly line: string } | { readonly ok: false; readonly why: string };

/**
 * A process that acts as another user, connected by a pipe each way. Only that user vouches for its answers: it may say
 * anything, at any length, or nothing.
 */
export interface Actor {
  /** Never rejects. */
  hear(): Promise<Heard>;
  say(line: string): void;
  /** Ends its process group at once, and waits for nobody: a process that hangs in the kernel goes when it can. */
  end(): void;
}

export interface Actors {
  /**
   * Starts a process that has given up all rights but the user's before it reads its task; for root, a process that may
   * hang in the agent's place. Undefined while an
   * earlier one of that user and subject, though ended, has not gone yet. `maxBytes`: of all that it may say.
   */
  start(user: User, options: { readonly subject: string; readonly maxBytes: number }): Actor | undefined;
}

/** A process held by the kernel (pidfd): its number cannot be reused while we look at it. */
export interface ProcessHandle extends Disposable {
  readonly pid: number;
  /** False when it ended before the signal was sent. Throws on EPERM. */
  signal(name: NodeJS.Signals): boolean;
}

export interface Processes {
  /** Undefined when there is no such process. Throws AgentError where the kernel holds none for us. */
  open(pid: number): ProcessHandle | undefined;
  /**
   * The executable of a process, as /proc shows it, looked at with the identity of the process's `owner` where the
   * agent's own is not enough. Never waits for a file system. Undefined when there is none (ended, or a kernel thread).
   * Throws EACCES.
   */
  executable(pid: number, owner: UserIds): Executable | undefined;
}

export interface Executable {
  /** In the process's own mount namespace, in which whoever made it decides what is at a path. */
  readonly path: string;
  readonly isReplaced: boolean;
  /** Device and inode, which nobody can make look like others: `254:1:8123`. */
  readonly file: string;
  readonly uid: number;
}

/** A moment on the kernel's clock that runs through suspend and that no administrator sets. */
export interface BootTime {
  readonly bootId: string;
  /** Milliseconds since boot. */
  readonly sinceBoot: number;
}

export interface CommandResult {
  /** Null when it was ended by a signal. */
  readonly exitCode: number | null;
  /** Null too when it hangs in the kernel, and was given up. */
  readonly signal: NodeJS.Signals | null;
  readonly timedOut: boolean;
  readonly output: string;
  /** The end of its standard error; to be shown, so the command must not print secrets there. */
  readonly complaint: string;
}

export interface CommandOptions {
  readonly timeoutMs: number;
  readonly env: Readonly<Record<string, string>>;
  readonly ids?: UserIds;
  readonly signal?: AbortSignal;
  /** Bytes of each stream that are kept, from the end; 4 KiB where left out. */
  readonly keep?: number;
  /** Bytes of standard output: a program that prints more is ended at once, and its output is one byte longer. In place of `keep`. */
  readonly most?: number;
  /** Given on standard input, which is closed otherwise. */
  readonly input?: string;
}

/**
 * Runs programs without a shell, standard input closed, with no descriptor of ours. A timeout ends the process group,
 * and is kept even if that hangs. Rejects only if the program cannot start (with the errno error; EBUSY while an
 * earlier run of the same still hangs) or when `signal` aborts, which ends the group as well.
 */
export interface Commands {
  run(command: readonly string[], options: CommandOptions): Promise<CommandResult>;
}
