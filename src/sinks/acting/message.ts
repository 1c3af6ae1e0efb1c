import { Secret } from '../../core/secret.ts';
import { isPreview, type Job, type PathTrust } from '../contract.ts';

/** Of a sink: the longest texts, in UTF-16 units, the most warnings, and the most lines and bytes to be shown. The rest is cut off. */
export const LIMITS = { text: 16_384, warning: 1_024, warnings: 32, diff: 1_024, shown: 128 * 1024 } as const;

/** The most bytes that all messages of a job may have together: far more than they have. */
export function maxBytes({ kind, sinks }: Job): number {
  return 1024 * 1024 + sinks.length * (isPreview(kind) ? 256 : 16) * 1024;
}

/**
 * The first line that the agent writes to a process that acts as a user, as JSON; `go` follows for each batch that was
 * staged. Both ends are one executable, so the form has no version.
 */
export type SinkTask = Job | LookTask;

/** Finds the authority over directories where the file system may let us wait. */
export interface LookTask extends PathTrust {
  readonly kind: 'look';
  readonly directories: readonly string[];
}

export const GO = 'go';

/** Includes the secrets, if the job needs them: for the pipe alone. */
export function encodeJob(job: Job): string {
  if (!('credentials' in job) || !job.credentials) return JSON.stringify(job);
  const { secretAccessKey, sessionToken, ...rest } = job.credentials;
  const secrets = { secretAccessKey: secretAccessKey.reveal(), sessionToken: sessionToken.reveal() };
  return JSON.stringify({ ...job, credentials: { ...rest, ...secrets } });
}

export function decodeTask(line: string): SinkTask {
  // The agent itself has encoded it.
  const task = JSON.parse(line) as SinkTask;
  if (!('credentials' in task) || !task.credentials) return task;
  // Here they are still texts.
  const { secretAccessKey, sessionToken } = task.credentials as unknown as Record<string, string>;
  const secrets = { secretAccessKey: new Secret(secretAccessKey ?? ''), sessionToken: new Secret(sessionToken ?? '') };
  return { ...task, credentials: { ...task.credentials, ...secrets } };
}

/** How long we wait for a process that acts as a user. */
export interface ActingLimits {
  /** For a job, and more for each of its sinks. */
  readonly jobMs: number;
  readonly perSinkMs: number;
  /** For its temp files: all others wait as long, so that all sinks change together. */
  readonly togetherMs: number;
  /** For a look, during which all others wait too. */
  readonly lookMs: number;
}

export const ACTING_LIMITS: ActingLimits = { jobMs: 10_000, perSinkMs: 20, togetherMs: 1_000, lookMs: 2_000 };

/** Error codes for an acting process that lets us wait, and for one that fails otherwise. */
export const TALK_CODES = { timeout: 'SINK_TIMEOUT', failed: 'SINK_ACTOR_FAILED' } as const;

/** Processes that act as users at a time: each has some 15 MB of its own. */
export const AT_ONCE = 8;

/** Works on all items, `lanes` of them at a time; the results come in no order. */
export async function inLanes<T, R>(
  items: readonly T[],
  lanes: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const waiting = [...items];
  const results: R[] = [];
  const lane = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) results.push(await work(item));
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}
