import { setTimeout as delay } from 'node:timers/promises';
import { limit } from './limits.ts';

/** Waits for a condition, and fails naming it after `patience` milliseconds, on an idle machine. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  patience = 15_000,
): Promise<void> {
  const end = performance.now() + limit(patience);
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within ${limit(patience)} ms: ${what}`);
    await delay(10);
  }
}
