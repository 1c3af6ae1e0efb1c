/** A pass and what follows it are mostly over by then; milliseconds. */
const AFTER = 1_000;

/**
 * Gives back the memory that a pass has used. A process that allocates next to nothing between its passes hardly ever
 * collects its garbage by itself: left alone, its heap grows for days.
 */
export class Tidiness {
  readonly #giveBack: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(giveBack: () => void) {
    this.#giveBack = giveBack;
  }

  /** Takes note that something was done. */
  see(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#giveBack();
    }, AFTER).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
