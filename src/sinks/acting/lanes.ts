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
