import { Secret } from '../../core/secret.ts';
import { isLook, type Job, type Scope } from '../contract.ts';

/** Longest texts, in UTF-16 units; most warnings, and most bytes to be shown, of a sink. What is more is cut off. */
export const LIMITS = { text: 16_384, warning: 1_024, warnings: 32, shown: 128 * 1024 } as const;

/** Bytes that all messages of a job may have together: far more than they have. */
export function maxBytes({ kind, sinks }: Job): number {
  return 1024 * 1024 + sinks.length * (isLook(kind) ? 256 : 16) * 1024;
}

/**
 * What the agent tells a process that acts as another user, in lines of JSON: the task, then `go` for each batch that
 * was staged. Both ends are one executable, so the form has no version.
 */
export type Task = Job | Look;

/** To see who decides of directories, where looking may take for ever. */
export interface Look extends Pick<Scope, 'trustedGroups'> {
  readonly kind: 'look';
  readonly directories: readonly string[];
}

export const GO = 'go';

/** With the secrets, where the job needs them: for the pipe alone. */
export function encodeJob(job: Job): string {
  if (!('credentials' in job) || !job.credentials) return JSON.stringify(job);
  const { secretAccessKey, sessionToken, ...rest } = job.credentials;
  const secrets = { secretAccessKey: secretAccessKey.reveal(), sessionToken: sessionToken.reveal() };
  return JSON.stringify({ ...job, credentials: { ...rest, ...secrets } });
}

export function decodeTask(line: string): Task {
  // It comes from the agent itself, where it was one.
  const task = JSON.parse(line) as Task;
  if (!('credentials' in task) || !task.credentials) return task;
  // Here they are still texts.
  const { secretAccessKey, sessionToken } = task.credentials as unknown as Record<string, string>;
  const secrets = { secretAccessKey: new Secret(secretAccessKey ?? ''), sessionToken: new Secret(sessionToken ?? '') };
  return { ...task, credentials: { ...task.credentials, ...secrets } };
}
