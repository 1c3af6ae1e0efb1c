import type { BeforeWrite, Staged } from '../contract.ts';

/**
 * Joins the first batches of several parties into one call of `write`, so that all continue together. A party that
 * comes too late, or comes again, gets a call of its own.
 */
export class Joint<Party> implements Disposable {
  readonly #write: BeforeWrite;
  readonly #barrier: Barrier<Party>;
  readonly #staged: Staged[] = [];
  readonly #timer: NodeJS.Timeout;
  #isOpen = false;

  constructor(parties: readonly Party[], patienceMs: number, write: BeforeWrite) {
    this.#write = write;
    this.#barrier = new Barrier(parties, async () => {
      this.#isOpen = true;
      if (this.#staged.length > 0) await write(this.#staged);
    });
    this.#timer = setTimeout(() => {
      for (const party of parties) this.leave(party);
    }, patienceMs);
  }

  /** Runs a party's work, which may stage files; others do not wait for the party after it. */
  async join<T>(party: Party, act: (stage: BeforeWrite) => Promise<T>): Promise<T> {
    try {
      return await act((staged) => this.stage(party, staged));
    } finally {
      this.leave(party);
    }
  }

  async stage(party: Party, staged: readonly Staged[]): Promise<void> {
    if (this.#isOpen) {
      await this.#write(staged);
      return;
    }
    this.#staged.push(...staged);
    await this.#barrier.arrive(party);
  }

  /** The party will stage nothing more. */
  leave(party: Party): void {
    this.#barrier.leave(party);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** Holds arriving parties until every party has arrived or left. A party that failed leaves, and delays nobody. */
export class Barrier<Party> {
  readonly #awaited: Set<Party>;
  readonly #opened = Promise.withResolvers<undefined>();
  readonly #beforeOpening: () => Promise<void>;

  /** `beforeOpening` runs once, after the last party; if it rejects, so does every arrival. */
  constructor(parties: Iterable<Party>, beforeOpening: () => Promise<void> = () => Promise.resolve()) {
    this.#awaited = new Set(parties);
    this.#beforeOpening = beforeOpening;
  }

  async arrive(party: Party): Promise<void> {
    this.leave(party);
    await this.#opened.promise;
  }

  leave(party: Party): void {
    if (!this.#awaited.delete(party) || this.#awaited.size > 0) return;
    this.#beforeOpening().then(() => {
      this.#opened.resolve(undefined);
    }, this.#opened.reject);
  }
}
