import * as v from 'valibot';
import type { ConsumerConfig } from '../core/config.ts';
import type { Actors, BootTime, Clock, Processes, User, UserIds, Users } from '../core/contracts.ts';
import { AgentError } from '../core/errors.ts';
import type { Outcome, PendingResult, Prospect } from '../core/outcomes.ts';
import type { Secret } from '../core/secret.ts';
import type { HostDeps } from '../host/tool.ts';

export interface NotifyDeps extends HostDeps {
  readonly clock: Pick<Clock, 'now'>;
  readonly readBootTime: () => BootTime;
  readonly processes: Processes;
  /** Only root has them. */
  readonly actors?: Actors;
  readonly users: Users;
  readonly self: UserIds;
  /** Current and previous secrets, masked in the output of hooks; unset: none. */
  readonly secrets?: () => readonly Secret[];
  /** Unset: the defaults. */
  readonly watch?: WatchTimes;
}

export interface WatchTimes {
  /** How long a consumer is watched after it was signalled, reloaded or restarted. */
  readonly windowMs: number;
  /** How long a consumer that was to end, or that somebody else restarts, may take to come back. */
  readonly successorMs: number;
}

export interface NotifyRequest {
  readonly consumer: ConsumerConfig;
  readonly generation: number;
  readonly reason: 'changed' | 'first' | 'retry' | 'manual' | 'renewed';
  readonly paths: readonly string[];
  /** The last rename of these files; unset: notify in any case. */
  readonly changedAt?: BootTime | undefined;
  /** Epoch milliseconds: before it, a unit that cannot reload is not restarted; unset: at any time. */
  readonly noRestartBefore?: number;
  /** Keys of processes that earlier attempts at the same notification reached: not notified again. */
  readonly notified?: readonly string[];
  /**
   * Executables of processes that were notified before, as {@link SentProcess.file}, with their keys: these belong to
   * the consumer.
   */
  readonly matched?: readonly string[];
}

const sentProcessSchema = v.object({
  pid: v.number(),
  /** Milliseconds since boot. */
  startedAt: v.number(),
  /** Real user id. */
  uid: v.number(),
  /** Device and inode of its executable; unset: hidden from us. */
  file: v.exactOptional(v.string()),
  /** Its session and control groups: what runs the same executable there may be its successor. */
  session: v.number(),
  group: v.string(),
});

export type SentProcess = Readonly<v.InferOutput<typeof sentProcessSchema>>;

/** A notification whose consumer is watched. It is on disk as long as the watch lasts. */
export const sentSchema = v.object({
  /** On the kernel's clock. */
  at: v.object({ bootId: v.string(), sinceBoot: v.number() }),
  /** `SIGHUP to pid 4711`. */
  detail: v.string(),
  processes: v.pipe(v.array(sentProcessSchema), v.readonly()),
  /** A unit, whose state shows whether it lives, and how often systemd had restarted it by itself. */
  unit: v.exactOptional(v.object({ name: v.string(), restarts: v.number() })),
  /** The notification ends a process in good order, so that a successor is awaited. */
  endsIt: v.boolean(),
  isPartial: v.boolean(),
});

export type Sent = Readonly<v.InferOutput<typeof sentSchema>>;

/** Identifies a process: its number may be reused. */
export function keyOf({ pid, startedAt }: Pick<SentProcess, 'pid' | 'startedAt'>): string {
  return `${pid}@${startedAt}`;
}

/** `sent`: to be watched (watch.ts); `rest`: for processes that are still to be notified. */
export type NotifyResult = Outcome | { readonly result: 'sent'; readonly sent: Sent; readonly rest?: PendingResult };

/** A notification that is not sent yet. Processes are held until it is disposed of. */
export interface PreparedNotification extends Prospect, Disposable {
  readonly send: () => Promise<NotifyResult>;
}

export interface NotifyAttempt {
  readonly request: NotifyRequest;
  readonly signal: AbortSignal;
}

export function failed(message: string, hint: string): AgentError {
  return new AgentError('CONSUMER_FAILED', message, { hint });
}

/** Rejects with CONSUMER_FAILED if there is no such user. `key`: the setting that names it. */
export async function userNamed(
  { users }: Pick<NotifyDeps, 'users'>,
  key: string,
  user: string | number,
): Promise<User> {
  const found = await users.user(user);
  if (found) return found;
  throw failed(`${key}: expected a user of this machine, got ${user}`, 'create it, or correct the name');
}
