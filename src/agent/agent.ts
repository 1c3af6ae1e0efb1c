import { once } from 'node:events';
import { notableSkew } from '../core/clock-skew.ts';
import type { Config, ConsumerConfig } from '../core/config.ts';
import type { Clock, Log } from '../core/contracts.ts';
import { AgentError } from '../core/errors.ts';
import type { PassReport, Prospect } from '../core/outcomes.ts';
import { sinkId } from '../core/sink-id.ts';
import { Deliverer, type DeliverDeps } from '../rotation/deliver.ts';
import { readingVerdicts } from '../rotation/evidence.ts';
import { noteManual, sinksOf } from '../rotation/pending.ts';
import type { Plan } from '../rotation/plan.ts';
import { rotate, type FilesReport, type PassRequest, type RotateDeps } from '../rotation/rotate.ts';
import { isFinal } from '../rotation/accept.ts';
import { memoryOf } from '../rotation/state.ts';
import type { StateStore } from '../rotation/store.ts';
import type { Sources } from '../source/registry.ts';
import { Announcer } from './announce.ts';
import { checkRequest, joinRequests, type AskedRequest } from './requests.ts';
import { lanesOf, planFirst, planLane, worstSource, type AgentView, type Lane, type WaitingRequest } from './lanes.ts';

export interface AgentDeps extends Pick<RotateDeps, 'applySinks'>, Omit<DeliverDeps, 'onOutcome'> {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: StateStore;
  readonly makeSources: (config: Config) => Sources;
  /** Writes the status, and reports READY=1 to systemd once every sink is up to date; must not throw. */
  readonly publish: (view: AgentView) => Promise<void>;
}

export interface OnceLimits {
  /** How long to wait for credentials. Monotonic, since the clock may be set meanwhile. */
  readonly waitMs: number;
  /** How long to try consumers that are just starting. */
  readonly patienceMs: number;
}

/** A role that arrives late is found within this time of its arrival. */
const LONGEST_WAIT_STEP_MS = 10_000;

/** `refresh` waits at most this long for consumers; a slower one is reported as pending. */
const ANSWER_PATIENCE_MS = 30_000;

/** Limit for inspecting processes and units. */
const DRY_RUN_PATIENCE_MS = 30_000;

/** The longest wait for passes of other sources, so that a consumer of several is notified once. */
const TOGETHER_MS = 2_000;

/** Makes passes, of each source one at a time: on the plan, and on request. */
export class Agent {
  readonly #deps: AgentDeps;
  readonly #announcer: Announcer;
  readonly #deliverer: Deliverer;
  #config: Config;
  #lanes: readonly Lane[];
  /** The last pass that changes files. */
  #turn: Promise<unknown> = Promise.resolve();
  #last: FilesReport | undefined;
  #failure: { readonly error: unknown } | undefined;
  #wake = new AbortController();
  #watching: { readonly run: AbortSignal; readonly over: AbortController } | undefined;

  constructor(deps: AgentDeps, config: Config) {
    this.#deps = deps;
    this.#config = config;
    this.#lanes = lanesOf(config, deps.makeSources(config));
    this.#announcer = new Announcer(deps.log);
    const onOutcome: DeliverDeps['onOutcome'] = (outcome) => {
      this.#announcer.consumer(outcome);
      void this.#publish();
    };
    this.#deliverer = new Deliverer({ ...deps, onOutcome }, config);
  }

  /** Keeps the sinks up to date until aborted; a pass under way ends cleanly. */
  async run(signal: AbortSignal): Promise<void> {
    const passes = new Set<Promise<void>>();
    try {
      for (const lane of this.#lanes) lane.next = planFirst(this.#deps, this.#config, lane);
      this.#watch(signal);
      while (!signal.aborted && !this.#failure) {
        this.#wake = new AbortController();
        for (const lane of this.#lanes.filter((one) => this.#isDue(one))) {
          const pass = this.#begin(lane, signal).finally(() => passes.delete(pass));
          passes.add(pass);
        }
        await this.#sleep(AbortSignal.any([signal, this.#wake.signal]));
      }
    } finally {
      await Promise.all(passes);
      for (const { asked, serving } of this.#lanes)
        for (const one of [...serving, ...asked])
          one.answer.reject(new AgentError('AGENT_ABSENT', 'the agent is stopping'));
      await this.#deliverer.stop();
    }
    if (this.#failure && !signal.aborted) throw this.#failure.error;
  }

  #isDue({ isBusy, isDue, asked, next }: Lane): boolean {
    return !isBusy && (isDue || asked.length > 0 || !next || next.at <= this.#deps.clock.now());
  }

  /** Makes a pass of a source that answers all requests so far. Never rejects. */
  async #begin(lane: Lane, signal: AbortSignal): Promise<void> {
    lane.isBusy = true;
    lane.isDue = false;
    lane.serving.push(...lane.asked.splice(0));
    try {
      await this.#pass(lane, joinRequests(lane.serving, lane.last ? 'scheduled' : 'start'), signal);
      for (const one of lane.serving.splice(0)) void this.#answer(one, lane);
    } catch (error) {
      if (!(error instanceof Superseded)) this.#failure ??= { error };
    } finally {
      lane.isBusy = false;
      this.#wake.abort();
    }
  }

  /** Sleeps until the first source is due; a pass under way wakes us at its end. */
  async #sleep(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const idle = this.#lanes.filter(({ isBusy }) => !isBusy);
    if (idle.some(({ asked }) => asked.length > 0) || signal.aborted) return;
    if (idle.length === 0) {
      await once(signal, 'abort');
      return;
    }
    // A clock that was set back since the plan must not prolong it.
    const waits = idle.map(({ next }) => Math.min(next?.waitMs ?? 0, (next?.at ?? 0) - clock.now()));
    const shortest = Math.min(...waits);
    await clock.sleep(shortest, signal);
    // The end of the sleep counts, not the clock, which may have been set; an early wake makes nothing due.
    if (!isOver(signal)) for (const [index, lane] of idle.entries()) lane.isDue ||= waits[index] === shortest;
  }

  /** Requests passes; the answer comes when their consumers have been tried as well. */
  async ask(request: AskedRequest, since = this.#deliverer.moment): Promise<AgentView> {
    checkRequest(this.#config, request);
    const left = new Set(this.#lanes.filter(({ name }) => request.sources?.includes(name) ?? true));
    const answer = Promise.withResolvers<AgentView>();
    const waiting: WaitingRequest = { ...request, left, unnoted: new Set(left), since, answer };
    for (const lane of left) lane.asked.push(waiting);
    this.#wake.abort();
    return answer.promise;
  }

  /** The result that notifying these consumers now would have. */
  async dryRun(names: readonly string[]): Promise<readonly (readonly [ConsumerConfig, Prospect])[]> {
    checkRequest(this.#config, { notify: names });
    const consumers = this.#config.consumers.filter(({ name }) => names.includes(name));
    const { state } = this.#deps.store;
    return await Promise.all(
      consumers.map(async (consumer) => {
        const { matched = [] } = state.consumers[consumer.name] ?? {};
        const generation = Math.max(0, ...this.#lanes.map((lane) => memoryOf(state, lane.name).generation));
        const request = { consumer, generation, reason: 'manual', paths: [], matched } as const;
        return [consumer, await this.#deps.dryRun(request, AbortSignal.timeout(DRY_RUN_PATIENCE_MS))] as const;
      }),
    );
  }

  /** Takes a new configuration and makes a pass with it, also for those who wait for passes of the former one. */
  reload(config: Config): Promise<AgentView> {
    const waiting = new Set(this.#lanes.flatMap(({ asked, serving }) => [...serving.splice(0), ...asked.splice(0)]));
    this.#lanes = lanesOf(config, this.#deps.makeSources(config), this.#lanes);
    this.#config = config;
    if (this.#watching) this.#watch(this.#watching.run);
    const reloaded = this.ask({ trigger: 'reload' });
    for (const { answer, since, ...asked } of waiting) this.ask(asked, since).then(answer.resolve, answer.reject);
    return reloaded;
  }

  /** Has sources that see their credentials change say so, as long as they are configured. */
  #watch(run: AbortSignal): void {
    this.#watching?.over.abort();
    const over = new AbortController();
    this.#watching = { run, over };
    const signal = AbortSignal.any([run, over.signal]);
    for (const lane of this.#lanes) {
      const changed = (): void => {
        lane.isDue = true;
        this.#wake.abort();
      };
      // One that cannot be watched is asked at its interval.
      void lane.source.watch?.(changed, signal).catch(() => undefined);
    }
  }

  /**
   * Makes one pass, or passes until the source gives credentials or `waitMs` is over; then consumers are notified, with
   * a few seconds of patience for those that are just starting. Nothing is left running.
   */
  async once(request: PassRequest, limits: OnceLimits, signal: AbortSignal): Promise<PassReport> {
    const { clock } = this.#deps;
    const over = limits.waitMs > 0 ? AbortSignal.timeout(limits.waitMs) : AbortSignal.abort();
    const isLast: typeof isFinal = (state) => isFinal(state) || over.aborted;
    const obtain = async (lane: Lane): Promise<void> => {
      while (!isLast((await this.#pass(lane, request, signal, isLast)).source.state)) {
        const retry = Math.min(lane.next?.waitMs ?? Infinity, LONGEST_WAIT_STEP_MS);
        await clock.sleep(retry, AbortSignal.any([signal, over]));
        signal.throwIfAborted();
      }
    };
    const ends = await Promise.allSettled(this.#lanes.map(obtain));
    // A hanging consumer must not delay shutdown; its notification stays pending.
    signal.addEventListener('abort', () => void this.#deliverer.stop());
    if (!signal.aborted) await this.#deliverer.drain(limits.patienceMs);
    await this.#deliverer.stop();
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
    if (this.#next() !== undefined || this.#deliverer.outcomes().length > 0) {
      for (const lane of this.#lanes) lane.next = undefined;
      await this.#publish();
    }
    return this.#report();
  }

  async #pass(
    lane: Lane,
    request: PassRequest,
    signal: AbortSignal,
    isLast: typeof isFinal = () => false,
  ): Promise<FilesReport> {
    const config = this.#config;
    const { name, source, memory, settings } = lane;
    // Credentials fetched before a reload must not go into files of another source: the reload asks again.
    const inTurn: RotateDeps['inTurn'] = (work) =>
      this.#inTurn(() => (this.#config === config ? work() : Promise.reject(new Superseded())));
    const ofLane = { name, source, memory, ...(settings !== undefined && { settings }), inTurn };
    lane.writing = rotate({ ...this.#deps, ...ofLane }, config, request, signal).finally(
      () => (lane.writing = undefined),
    );
    const report = await lane.writing;
    this.#last = report;
    lane.last = report;
    this.#announcer.pass(report, config.sources.length > 0 ? { source: name } : {});
    const failed = report.source.state !== 'ok' || report.sinks.some((sink) => sink.result === 'failed');
    lane.failures = failed ? lane.failures + 1 : 0;
    lane.next = isLast(report.source.state) ? undefined : planLane(this.#deps, config, lane);
    // Publishing reports readiness, and systemd reloads no unit that is ordered after ours before that.
    await this.#publish();
    await this.#othersAtWork();
    await this.#noteAsked(lane);
    const unwritten = this.#lanes.flatMap(({ last }) => last?.sinks.filter((sink) => sink.error !== undefined) ?? []);
    const skews = report.source.clockSkew === undefined ? {} : { [name]: notableSkew(report.source.clockSkew) };
    this.#deliverer.kick(this.#config, new Set(unwritten.map(sinkId)), skews);
    return report;
  }

  /** A requested notification is noted once: with the last of the consumer's sources, unless a change came before it. */
  async #noteAsked(lane: Lane): Promise<void> {
    const { sinks, consumers } = this.#config;
    for (const { notifyAll, notify = [], unnoted, since } of lane.serving) {
      unnoted.delete(lane);
      const meant = consumers.filter(({ name }) => {
        const own = new Set(sinksOf(sinks, name).map(({ source }) => source));
        const isOwn = (one: Lane): boolean => own.size === 0 || own.has(one.name);
        const isLast = isOwn(lane) && ![...unnoted].some(isOwn);
        return (notifyAll === true || notify.includes(name)) && isLast && !this.#deliverer.isTriedSince(name, since);
      });
      const request = { source: lane.name, now: this.#deps.clock.now(), names: notify };
      if (meant.length > 0)
        await this.#deps.store.update((state) => noteManual(state, { sinks, consumers: meant }, request));
    }
  }

  /** Passes change files one after another, whether the former succeeded or not. */
  readonly #inTurn: RotateDeps['inTurn'] = (work) => {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  };

  /** Waits a moment for passes of other sources, so that consumers are notified once of joint changes. */
  async #othersAtWork(): Promise<void> {
    const others = this.#lanes.flatMap(({ writing }) => writing ?? []);
    if (others.length === 0) return;
    const patience = new AbortController();
    await Promise.race([Promise.all(others), this.#deps.clock.sleep(TOGETHER_MS, patience.signal)]);
    patience.abort();
  }

  #next(): Plan | undefined {
    const plans = this.#lanes.flatMap(({ next }) => next ?? []);
    return plans.toSorted((a, b) => a.at - b.at)[0];
  }

  async #answer(waiting: WaitingRequest, lane: Lane): Promise<void> {
    waiting.left.delete(lane);
    if (waiting.left.size > 0) return;
    const tried = new AbortController();
    await Promise.race([this.#deliverer.triedAllDue(), this.#deps.clock.sleep(ANSWER_PATIENCE_MS, tried.signal)]);
    tried.abort();
    waiting.answer.resolve(this.view(this.#deliverer.news(waiting.since)));
  }

  /** The results of the last passes, and of the consumers. */
  view(consumers = this.#deliverer.outcomes()): AgentView {
    const seen = { config: this.#config, state: this.#deps.store.state, report: this.#report(consumers) };
    return { ...seen, notReading: readingVerdicts(seen), next: this.#next() };
  }

  #report(consumers = this.#deliverer.outcomes()): PassReport {
    const passes = this.#lanes.flatMap(({ last }) => last ?? []);
    const sources = passes.map(({ source }) => source);
    // After a reload perhaps no source has had a pass.
    const source = worstSource(sources) ?? this.#last?.source;
    if (!this.#last || !source) throw new AgentError('INTERNAL', 'a report was asked for before the first pass');
    return { ...this.#last, source, sources, sinks: passes.flatMap(({ sinks }) => sinks), consumers };
  }

  async #publish(): Promise<void> {
    const view = this.view();
    this.#announcer.notReading(view.notReading);
    await this.#deps.publish(view);
  }
}

/** A pass whose configuration is no longer in force. */
class Superseded extends Error {}

function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}
