import type { Clock } from '../core/contracts.ts';

export interface Persistence {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The first included. */
  readonly attempts: number;
  /** The longest of the random waits, in milliseconds, before the first retry; twice as long before each further one. Undefined: it does not help. */
  readonly waitAfter: (error: unknown) => number | undefined | Promise<number | undefined>;
}

/** Asks until there is an answer, as long as it helps. Rejects with what the last question did, or the signal's reason. */
export async function persist<T>(
  { clock, signal, attempts, waitAfter }: Persistence,
  ask: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      const longest = failures < attempts ? await waitAfter(error) : undefined;
      if (longest === undefined) throw error;
      if (longest > 0) await clock.sleep(clock.random() * longest * 2 ** (failures - 1), signal);
      signal.throwIfAborted();
    }
  }
}
