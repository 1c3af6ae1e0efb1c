import type { Log } from '../core/contracts.ts';
import { describeForeign } from '../core/errors.ts';
import type { World } from './world.ts';

/** A pass and what follows it are mostly over by then. */
const DELAY_MS = 1_000;

/**
 * Gives back the memory that a pass has used, a moment after each call. A process that allocates next to nothing between
 * its passes hardly ever collects its garbage by itself: left alone, its heap grows for days.
 */
export function memoryTrim({ giveBackMemory }: World, log: Log): () => void {
  let timer: NodeJS.Timeout | undefined;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      giveBackMemory().catch((error: unknown) => {
        log.debug(`memory cannot be given back: ${describeForeign(error)}`, { event: 'memory_trouble' });
      });
    }, DELAY_MS).unref();
  };
}
