/** Pays the debts to one consumer. */
export interface Worker {
  wake: AbortController;
  /** Between attempts: nothing is due. */
  resting: boolean;
  rested: PromiseWithResolvers<void>;
  done: Promise<void>;
}

export function newWorker(): Worker {
  return {
    wake: new AbortController(),
    resting: false,
    rested: Promise.withResolvers(),
    done: Promise.resolve(),
  };
}

/** Counts as at work from now on, not only when its sleep has ended: whoever waits for it must not miss it. */
export function rouse(worker: Worker): void {
  if (!worker.resting) return;
  worker.resting = false;
  worker.rested = Promise.withResolvers();
  worker.wake.abort();
}
