/** Milliseconds that a user's process may let us wait, all in all. */
export interface ActingLimits {
  readonly deadline: number;
  /** On top, for each sink. */
  readonly perSink: number;
  /** How long all others wait for it, so that their sinks and its own change together. */
  readonly together: number;
  /** How long a look takes at most, for which all others wait too. */
  readonly looking: number;
}

export const ACTING_LIMITS: ActingLimits = { deadline: 10_000, perSink: 20, together: 1_000, looking: 2_000 };

/** Processes that act as users at a time: each has some 15 MB of its own. */
export const AT_ONCE = 8;

/** Works on all items, so many at a time; the results come in no order. */
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
