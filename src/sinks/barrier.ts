/** Holds those who arrive until every party has arrived or left, so that a party that failed holds up nobody. */
export class Barrier<Party> {
  readonly #awaited: Set<Party>;
  readonly #opened = Promise.withResolvers<undefined>();
  readonly #beforeOpening: () => Promise<void>;

  /** `beforeOpening` runs once, when nobody is awaited any more; when it fails, so does the arrival of each. */
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
