import { setTimeout as delay } from 'node:timers/promises';

/** Waits for a condition, and fails naming it after `limit` milliseconds. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limit = 15_000,
): Promise<void> {
  const end = Date.now() + limit;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${String(limit)} ms: ${what}`);
    await delay(10);
  }
}
