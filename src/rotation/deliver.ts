import { notableSkew } from '../core/clock-skew.ts';
import type { Config, ConsumerConfig } from '../core/config.ts';
import type { ConsumerOutcome, Outcome } from '../core/outcomes.ts';
import { idOf } from '../core/sink-id.ts';
import { attempt, type AttemptDeps, type Surroundings } from './attempt.ts';
import { dueAt, hookOf, lastMoment, sinksOf, spreadOf } from './pending.ts';
import { withoutBackoff, type ConsumerState, type Pending } from './state.ts';

export interface DeliverDeps extends AttemptDeps {
  /** After each attempt. */
  readonly onOutcome: (outcome: ConsumerOutcome) => void;
}

/**
 * Notifies the consumers beside the passes: one worker each, so that a slow hook delays nobody else. What is pending is
 * removed from the state after delivery and not before.
 */
export class Deliverer {
  readonly #deps: DeliverDeps;
  readonly #workers = new Map<string, Worker>();
  readonly #outcomes = new Map<string, ConsumerOutcome>();
  /** Those of which something is to be said of the last pass. */
  readonly #news = new Set<string>();
  /** Those that are on their way up or down: a further attempt may soon succeed. */
  readonly #unready = new Set<string>();
  readonly #stopping = new AbortController();
  #config: Config;
  #failedSinks: ReadonlySet<string> = new Set();
  #clockSkew = 0;
  #kickedAt = 0;

  constructor(deps: DeliverDeps, config: Config) {
    this.#deps = deps;
    this.#config = config;
  }

  /** Takes note of a pass (a new configuration, the source's clock) and starts on what became due. */
  kick(config: Config, failedSinks: ReadonlySet<string>, clockSkew = this.#clockSkew): void {
    this.#config = config;
    this.#failedSinks = failedSinks;
    this.#clockSkew = notableSkew(clockSkew);
    const now = this.#deps.clock.now();
    // The clock was set back: what was to be tried again soon is not to wait for as long.
    if (now < this.#kickedAt) void this.#deps.store.update(withoutBackoff);
    this.#kickedAt = now;
    this.#news.clear();
    for (const consumer of config.consumers) {
      const worker = this.#workers.get(consumer.name);
      if (worker) rouse(worker);
      else if (this.#pending(consumer.name)) this.#start(consumer.name);
    }
  }

  /** Resolves when every notification that is due now has been tried; what is tried again meanwhile is not waited for. */
  async settle(): Promise<void> {
    const busy = [...this.#workers.values()].filter((worker) => !worker.resting);
    await Promise.all(busy.map((worker) => worker.rested.promise));
  }

  /** Resolves when every notification has been tried, those of consumers that are just starting for `patience` milliseconds. */
  async drain(patience: number): Promise<void> {
    const { clock } = this.#deps;
    const deadline = clock.now() + patience;
    await this.settle();
    for (;;) {
      const unready = this.#config.consumers.filter((consumer) => this.#unready.has(consumer.name));
      const next = Math.min(...unready.map((consumer) => this.#due(consumer)));
      if (next > deadline) return;
      await clock.sleep(next - clock.now(), this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      for (const worker of this.#workers.values()) rouse(worker);
      await this.settle();
    }
  }

  /** Ends the workers; notifications under way are given up and stay pending. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const worker of this.#workers.values()) worker.wake.abort();
    await Promise.all([...this.#workers.values()].map((worker) => worker.done));
  }

  /** How each consumer stands after the last pass: those that were tried since, and those that are still to be. */
  news(): readonly ConsumerOutcome[] {
    return this.outcomes().filter(({ name }) => this.#news.has(name) || this.#pending(name));
  }

  /** How each consumer stands; those that never had anything to be notified of are left out. */
  outcomes(): readonly ConsumerOutcome[] {
    return this.#config.consumers.flatMap((consumer) => this.#outcome(consumer) ?? []);
  }

  #outcome(consumer: ConsumerConfig): ConsumerOutcome | undefined {
    const { name } = consumer;
    const last = this.#outcomes.get(name);
    const { pending, ended } = this.#own(name);
    if (!pending) return last;
    const { generation, nextAttempt } = pending;
    if (ended) return { ...this.#ended(consumer, ended), generation };
    const dueAt = this.#due(consumer);
    const isHeld = dueAt > Math.max(nextAttempt, this.#deps.clock.now());
    if (isHeld) return { name, result: 'scheduled', generation, dueAt };
    if (last?.result === 'not_running' || last?.result === 'scheduled') return { ...last, generation };
    const { error, processes } = last ?? {};
    return { name, result: 'pending', generation, ...(processes && { processes }), ...(error && { error }) };
  }

  /** Nothing is said to run in its place until that was looked for in this process. */
  #ended(
    consumer: ConsumerConfig,
    { error }: NonNullable<ConsumerState['ended']>,
  ): Omit<ConsumerOutcome, 'generation'> {
    const { isRunning = false } = this.#outcomes.get(consumer.name)?.successor ?? {};
    return {
      name: consumer.name,
      result: 'ended',
      successor: { isRunning, runsOutAt: this.#runsOutAt(consumer) },
      error,
    };
  }

  #own(name: string): ConsumerState {
    return this.#deps.store.state.consumers[name] ?? {};
  }

  #pending(name: string): Pending | undefined {
    return this.#own(name).pending;
  }

  #due(consumer: ConsumerConfig): number {
    const stand = sinksOf(this.#config.sinks, consumer.name).every((sink) => !this.#failedSinks.has(idOf(sink)));
    return dueAt(consumer, this.#own(consumer.name), { areSinksCurrent: stand, ...this.#surroundings });
  }

  #start(name: string): void {
    const worker = newWorker();
    this.#workers.set(name, worker);
    worker.done = this.#work(name, worker).finally(() => {
      this.#workers.delete(name);
      worker.rested.resolve();
    });
  }

  async #work(name: string, worker: Worker): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const consumer = this.#config.consumers.find((candidate) => candidate.name === name);
      const pending = this.#pending(name);
      if (!consumer || !pending) return;
      const wait = this.#due(consumer) - this.#deps.clock.now();
      if (wait > 0) await this.#rest(worker, wait);
      else await this.#attempt(consumer);
    }
  }

  async #rest(worker: Worker, wait: number): Promise<void> {
    worker.wake = new AbortController();
    worker.resting = true;
    worker.rested.resolve();
    await this.#deps.clock.sleep(wait, AbortSignal.any([worker.wake.signal, this.#stopping.signal]));
    rouse(worker);
  }

  async #attempt(consumer: ConsumerConfig): Promise<void> {
    await Promise.all((consumer.after ?? []).map((name) => this.#tried(name)));
    const { name } = consumer;
    const generation = this.#pending(name)?.generation ?? 0;
    const attempted = await attempt(this.#deps, consumer, this.#surroundings);
    if (!attempted) return;
    const { result, hasSuccessor } = attempted;
    if (result.result === 'pending' && result.kind === 'later') this.#unready.add(name);
    else this.#unready.delete(name);
    const successor = { isRunning: hasSuccessor, runsOutAt: this.#runsOutAt(consumer) };
    const more = result.result === 'ended' ? { successor } : {};
    const outcome: ConsumerOutcome = {
      name,
      result: result.result,
      generation,
      ...described(result),
      ...more,
      ...hookOf(result),
    };
    this.#outcomes.set(name, outcome);
    this.#news.add(name);
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
    const spread = spreadOf(this.#deps.store.state);
    return { sinks: this.#config.sinks, clockSkew: this.#clockSkew, spread, signal: this.#stopping.signal };
  }

  #runsOutAt(consumer: ConsumerConfig): number {
    return lastMoment(consumer, this.#own(consumer.name), this.#surroundings);
  }
}

function described(result: Outcome): Partial<ConsumerOutcome> {
  if (result.result === 'scheduled') return { detail: result.detail, dueAt: result.until };
  if (result.result === 'ended') return { error: result.error };
  if (result.result !== 'pending') return { detail: result.detail };
  const { error, processes } = result;
  return { error, ...(processes && { processes }) };
}

/** Delivers to one consumer. */
interface Worker {
  wake: AbortController;
  /** Between attempts: nothing is due. */
  resting: boolean;
  rested: PromiseWithResolvers<void>;
  done: Promise<void>;
}

function newWorker(): Worker {
  return {
    wake: new AbortController(),
    resting: false,
    rested: Promise.withResolvers(),
    done: Promise.resolve(),
  };
}

/** Counts as at work from now on, not only when its sleep has ended: whoever waits for it must not miss it. */
function rouse(worker: Worker): void {
  if (!worker.resting) return;
  worker.resting = false;
  worker.rested = Promise.withResolvers();
  worker.wake.abort();
}
