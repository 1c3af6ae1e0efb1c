import { setTimeout as delay } from 'node:timers/promises';
import { limit } from './limits.ts';

/** Waits for a condition, and fails naming it after `patience` milliseconds, on an idle machine. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  patience = 15_000,
): Promise<void> {
  const end = performance.now() + limit(patience);
  for (;;) {
    const began = performance.now();
    if (await condition()) return;
    if (performance.now() > end) throw new Error(`not within ${limit(patience)} ms: ${what}`);
    // What costs much is asked seldom: on a busy machine it would keep the others from what is waited for.
    await delay(10 + 2 * (performance.now() - began));
  }
}
