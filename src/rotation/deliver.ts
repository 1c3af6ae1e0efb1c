import type { Config, ConsumerConfig } from '../core/config.ts';
import type { BootTime } from '../core/contracts.ts';
import type { ConsumerOutcome, Outcome } from '../core/outcomes.ts';
import { attempt, type AttemptDeps } from './attempt.ts';
import { dueAt, generationOf, hookOf, lastMoment, spreadOf, type ClockSkews, type Surroundings } from './pending.ts';
import { withoutBackoff, type ConsumerState } from './state.ts';

export interface DeliverDeps extends AttemptDeps {
  readonly readBootTime: () => BootTime;
  /** After each attempt. */
  readonly onOutcome: (outcome: ConsumerOutcome) => void;
}

/**
 * Notifies the consumers beside the passes: one worker each, so that a slow hook delays no other. A pending
 * notification is removed from the state after delivery and not before.
 */
export class Deliverer {
  readonly #deps: DeliverDeps;
  readonly #workers = new Map<string, Worker>();
  readonly #outcomes = new Map<string, ConsumerOutcome>();
  /** When the last attempt with a consumer began and ended, by the count of such moments. */
  readonly #attempts = new Map<string, { readonly begun: number; readonly ended?: number }>();
  #count = 0;
  /** Consumers that are starting or stopping: a further attempt may soon succeed. */
  readonly #unready = new Set<string>();
  readonly #stopping = new AbortController();
  readonly #bootId: string;
  #config: Config;
  #failedSinks: ReadonlySet<string> = new Set();
  #clockSkews: ClockSkews = {};
  #kickedAt = 0;

  constructor(deps: DeliverDeps, config: Config) {
    this.#deps = deps;
    this.#bootId = deps.readBootTime().bootId;
    this.#config = config;
  }

  /** Takes note of a pass (a new configuration, the sources' clocks) and starts the attempts that are due. */
  kick(config: Config, failedSinks: ReadonlySet<string>, clockSkews: ClockSkews = {}): void {
    this.#config = config;
    this.#failedSinks = failedSinks;
    this.#clockSkews = { ...this.#clockSkews, ...clockSkews };
    const now = this.#deps.clock.now();
    // The clock was set back: retries must not wait that much longer.
    if (now < this.#kickedAt) void this.#deps.store.update(withoutBackoff);
    this.#kickedAt = now;
    for (const consumer of config.consumers) {
      const worker = this.#workers.get(consumer.name);
      if (worker) rouse(worker);
      else if (this.#stateOf(consumer.name).pending) this.#start(consumer.name);
    }
  }

  /** Resolves when every notification that is due now has been tried once. */
  async triedAllDue(): Promise<void> {
    const busy = [...this.#workers.values()].filter((worker) => !worker.resting);
    await Promise.all(busy.map((worker) => worker.rested.promise));
  }

  /** Resolves when every notification has been tried, those of consumers that are just starting for `patienceMs`. */
  async drain(patienceMs: number): Promise<void> {
    const { clock } = this.#deps;
    const deadline = clock.now() + patienceMs;
    await this.triedAllDue();
    for (;;) {
      const unready = this.#config.consumers.filter((consumer) => this.#unready.has(consumer.name));
      const next = Math.min(...unready.map((consumer) => this.#due(consumer)));
      if (next > deadline) return;
      await clock.sleep(next - clock.now(), this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      for (const worker of this.#workers.values()) rouse(worker);
      await this.triedAllDue();
    }
  }

  /** Ends the workers; notifications under way are given up and stay pending. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const worker of this.#workers.values()) worker.wake.abort();
    await Promise.all([...this.#workers.values()].map((worker) => worker.done));
  }

  /** The present moment, for {@link news} and {@link isTriedSince}: a clock can be set. */
  get moment(): number {
    return this.#count;
  }

  /** The outcomes of consumers that were tried since a moment, and of those still to be tried. */
  news(since: number): readonly ConsumerOutcome[] {
    return this.outcomes().filter(
      ({ name }) => (this.#attempts.get(name)?.ended ?? 0) > since || this.#stateOf(name).pending,
    );
  }

  /** Whether an attempt began since a moment. A consumer that ended, or was left to later, is not tried again soon. */
  isTriedSince(name: string, since: number): boolean {
    const isLeft = this.#stateOf(name).ended !== undefined || this.#outcomes.get(name)?.result === 'scheduled';
    return (this.#attempts.get(name)?.begun ?? 0) > since && !isLeft;
  }

  /** The last outcome of each consumer that ever had one. */
  outcomes(): readonly ConsumerOutcome[] {
    return this.#config.consumers.flatMap((consumer) => this.#outcome(consumer) ?? []);
  }

  #outcome(consumer: ConsumerConfig): ConsumerOutcome | undefined {
    const { name } = consumer;
    const last = this.#outcomes.get(name);
    const { pending, ended } = this.#stateOf(name);
    if (!pending) return last;
    const { nextAttempt } = pending;
    const generation = generationOf(pending);
    if (ended) return { name, result: 'ended', generation, successor: this.#successor(consumer), error: ended.error };
    const dueAt = this.#due(consumer);
    const isHeld = dueAt > Math.max(nextAttempt, this.#deps.clock.now());
    if (isHeld) return { name, result: 'scheduled', generation, dueAt };
    if (last?.result === 'not_running' || last?.result === 'scheduled') return { ...last, generation };
    const { error, processes } = last ?? {};
    return { name, result: 'pending', generation, ...(processes && { processes }), ...(error && { error }) };
  }

  #stateOf(name: string): ConsumerState {
    return this.#deps.store.state.consumers[name] ?? {};
  }

  #due(consumer: ConsumerConfig): number {
    return dueAt(consumer, this.#stateOf(consumer.name), this.#surroundings);
  }

  #start(name: string): void {
    const worker: Worker = {
      wake: new AbortController(),
      resting: false,
      rested: Promise.withResolvers(),
      done: Promise.resolve(),
    };
    this.#workers.set(name, worker);
    worker.done = this.#work(name, worker).finally(() => {
      this.#workers.delete(name);
      worker.rested.resolve();
    });
  }

  async #work(name: string, worker: Worker): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const consumer = this.#config.consumers.find((candidate) => candidate.name === name);
      const pending = this.#stateOf(name).pending;
      if (!consumer || !pending) return;
      const waitMs = this.#due(consumer) - this.#deps.clock.now();
      if (waitMs > 0) await this.#rest(worker, waitMs);
      else await this.#attempt(consumer);
    }
  }

  async #rest(worker: Worker, waitMs: number): Promise<void> {
    worker.wake = new AbortController();
    worker.resting = true;
    worker.rested.resolve();
    await this.#deps.clock.sleep(waitMs, AbortSignal.any([worker.wake.signal, this.#stopping.signal]));
    rouse(worker);
  }

  async #attempt(consumer: ConsumerConfig): Promise<void> {
    await Promise.all((consumer.after ?? []).map((name) => this.#tried(name)));
    const { name } = consumer;
    const generation = generationOf(this.#stateOf(name).pending ?? { generations: {} });
    const begun = ++this.#count;
    this.#attempts.set(name, { begun });
    const attempted = await attempt(this.#deps, consumer, this.#surroundings, this.#stopping.signal);
    if (!attempted) return;
    const { result, hasSuccessor } = attempted;
    if (result.result === 'pending' && result.kind === 'later') this.#unready.add(name);
    else this.#unready.delete(name);
    const successor = result.result === 'ended' && { successor: this.#successor(consumer, hasSuccessor ?? false) };
    const said = { ...described(result), ...successor, ...hookOf(result) };
    const outcome: ConsumerOutcome = { name, result: result.result, generation, ...said };
    this.#outcomes.set(name, outcome);
    this.#attempts.set(name, { begun, ended: ++this.#count });
    this.#deps.onOutcome(outcome);
  }

  /** Resolves when a consumer that is being notified, or is about to be, has been tried. */
  async #tried(name: string): Promise<void> {
    // All workers of a pass are started in one go.
    await Promise.resolve();
    const worker = this.#workers.get(name);
    if (worker && !worker.resting) await worker.rested.promise;
  }

  get #surroundings(): Surroundings {
    const { store } = this.#deps;
    return {
      bootId: this.#bootId,
      sinks: this.#config.sinks,
      failedSinks: this.#failedSinks,
      clockSkews: this.#clockSkews,
      spread: spreadOf(store.state),
    };
  }

  /** A successor counts as absent until this process has looked for it. */
  #successor(
    consumer: ConsumerConfig,
    isRunning = this.#outcomes.get(consumer.name)?.successor?.isRunning ?? false,
  ): NonNullable<ConsumerOutcome['successor']> {
    return { isRunning, runsOutAt: lastMoment(consumer, this.#stateOf(consumer.name), this.#surroundings) };
  }
}

function described(result: Outcome): Partial<ConsumerOutcome> {
  if (result.result === 'scheduled') return { detail: result.detail, dueAt: result.until };
  if (result.result === 'ended') return { error: result.error };
  if (result.result !== 'pending') return { detail: result.detail };
  const { error, processes } = result;
  return { error, ...(processes && { processes }) };
}

interface Worker {
  wake: AbortController;
  /** Between attempts: nothing is due. */
  resting: boolean;
  rested: PromiseWithResolvers<void>;
  done: Promise<void>;
}

/** Counts as at work from now on, not only when its sleep has ended: a waiting request must not miss it. */
function rouse(worker: Worker): void {
  if (!worker.resting) return;
  worker.resting = false;
  worker.rested = Promise.withResolvers();
  worker.wake.abort();
}
