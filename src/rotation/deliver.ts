import { notableSkew } from '../core/clock-skew.ts';
import type { Config, ConsumerConfig } from '../core/config.ts';
import type { Clock } from '../core/contracts.ts';
import { toErrorInfo } from '../core/errors.ts';
import type { ConsumerOutcome } from '../core/outcomes.ts';
import type { NotifyRequest, NotifyResult } from '../notify/contract.ts';
import { idOf } from '../core/sink-id.ts';
import { dueAt, sinksOf, withoutBackoff } from './pending.ts';
import { notifyRequest } from './request.ts';
import { backoff, forAll, settled } from './settle.ts';
import { withConsumer, type AgentState, type ConsumerState, type Pending } from './state.ts';
import type { StateStore } from './store.ts';
import { newWorker, rouse, type Worker } from './worker.ts';

export interface DeliverDeps {
  readonly clock: Clock;
  readonly store: StateStore;
  readonly bootId: string;
  readonly notify: (request: NotifyRequest, signal: AbortSignal) => Promise<NotifyResult>;
  /** Whether a process that reads one of these files leaves a trace in its access time; undefined when nothing tells. */
  readonly readsShow: (pid: number, paths: readonly string[]) => boolean | undefined;
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
    for (const consumer of config.consumers) {
      const worker = this.#workers.get(consumer.name);
      if (worker) rouse(worker);
      else if (this.#pending(consumer.name)) this.#start(consumer.name);
    }
  }

  /** Resolves when every notification that is due now has been tried. */
  async settle(): Promise<void> {
    for (;;) {
      const busy = [...this.#workers.values()].filter((worker) => !worker.resting);
      if (busy.length === 0) return;
      await Promise.race(busy.map((worker) => worker.rested.promise));
    }
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

  /** How each consumer stands; those that never had anything to be notified are left out. */
  outcomes(): readonly ConsumerOutcome[] {
    return this.#config.consumers.flatMap((consumer) => this.#outcome(consumer) ?? []);
  }

  #outcome(consumer: ConsumerConfig): ConsumerOutcome | undefined {
    const last = this.#outcomes.get(consumer.name);
    const own = this.#own(consumer.name);
    if (!own.pending) return last;
    const { generation, nextAttempt } = own.pending;
    const isHeld = this.#due(consumer) > Math.max(nextAttempt, this.#deps.clock.now());
    if (isHeld) return { name: consumer.name, result: 'scheduled', generation };
    if (last?.result === 'not_running' || last?.result === 'scheduled') return { ...last, generation };
    const { error, processes } = last ?? {};
    return {
      name: consumer.name,
      result: 'pending',
      generation,
      ...(processes && { processes }),
      ...(error && { error }),
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
    return dueAt(consumer, this.#own(consumer.name), stand, this.#clockSkew);
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
      else await this.#attempt(consumer, pending);
    }
  }

  async #rest(worker: Worker, wait: number): Promise<void> {
    worker.wake = new AbortController();
    worker.resting = true;
    worker.rested.resolve();
    await this.#deps.clock.sleep(wait, AbortSignal.any([worker.wake.signal, this.#stopping.signal]));
    rouse(worker);
  }

  async #attempt(consumer: ConsumerConfig, pending: Pending): Promise<void> {
    const { clock, store } = this.#deps;
    const before = store.state;
    const result = await this.#notify(consumer, before);
    if (this.#stopping.signal.aborted && result.result === 'pending') return;
    if (result.result === 'pending' && result.kind === 'later') this.#unready.add(consumer.name);
    else this.#unready.delete(consumer.name);
    const delay = backoff(pending.attempts, clock.random());
    const verdict = { result, now: clock.now(), delay, traceable: this.#isTraceable(consumer.name, result) };
    await store.update((state) => withConsumer(state, consumer.name, settled(state, before, consumer.name, verdict)));
    const outcome: ConsumerOutcome = {
      name: consumer.name,
      result: result.result,
      generation: pending.generation,
      ...described(result),
    };
    this.#outcomes.set(consumer.name, outcome);
    this.#deps.onOutcome(outcome);
  }

  /** Who reads for a hook nobody knows. */
  #isTraceable(name: string, result: NotifyResult): boolean | undefined {
    if ((result.result !== 'notified' && result.result !== 'started_since') || !result.processes) return undefined;
    const paths = sinksOf(this.#config.sinks, name).map(({ path }) => path);
    return forAll(result.processes.map((pid) => this.#deps.readsShow(pid, paths)));
  }

  async #notify(consumer: ConsumerConfig, state: AgentState): Promise<NotifyResult> {
    const { bootId } = this.#deps;
    const { sinks } = this.#config;
    const request = notifyRequest(state, consumer, { bootId, clockSkew: this.#clockSkew, sinks });
    if (!request) return { result: 'started_since', detail: 'nothing is pending any more' };
    try {
      return await this.#deps.notify(request, this.#stopping.signal);
    } catch (error) {
      return { result: 'pending', kind: 'later', error: toErrorInfo(error) };
    }
  }
}

function described(result: NotifyResult): Partial<ConsumerOutcome> {
  if (result.result !== 'pending') return { detail: result.detail };
  const { error, processes } = result;
  return { error, ...(processes && { processes }) };
}
