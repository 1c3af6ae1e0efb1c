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
