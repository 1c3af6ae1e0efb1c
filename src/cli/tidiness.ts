/** After so long without news a pass and what follows it are over; milliseconds. */
const QUIET = 1_000;

/**
 * Gives back the memory that a pass has used. A process that allocates next to nothing between its passes hardly ever
 * collects its garbage by itself: left alone, its heap grows for days.
 */
export class Tidiness {
  #timer: NodeJS.Timeout | undefined;

  /** Takes note that something was done. */
  see(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(giveBack, QUIET).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** All of it, compiled functions that were not called lately included. It takes about 15 ms, when nobody waits for us. */
function giveBack(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
