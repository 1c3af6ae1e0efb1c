import { notableSkew } from '../core/clock-skew.ts';
import type { Config, ConsumerConfig } from '../core/config.ts';
import type { Clock, Log, Source } from '../core/contracts.ts';
import { AgentError } from '../core/errors.ts';
import type { PassReport, PassTrigger, Prospect } from '../core/outcomes.ts';
import { sinkId } from '../core/sink-id.ts';
import { Deliverer, type DeliverDeps } from '../rotation/deliver.ts';
import { readingVerdicts } from '../rotation/evidence.ts';
import { planNext, type Plan } from '../rotation/plan.ts';
import { rotate, type FilesReport, type PassRequest, type RotateDeps } from '../rotation/rotate.ts';
import { isFinal } from '../rotation/accept.ts';
import type { AgentState } from '../rotation/state.ts';
import type { StateStore } from '../rotation/store.ts';
import { Announcer } from './announce.ts';

export interface AgentDeps extends Pick<RotateDeps, 'applySinks' | 'bootId'>, Omit<DeliverDeps, 'onOutcome'> {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: StateStore;
  readonly makeSource: (config: Config) => Source;
  /** Writes the status, and reports READY=1 to systemd once every sink is up to date; must not throw. */
  readonly publish: (view: AgentView) => Promise<void>;
}

/** All that a status shows. */
export interface AgentView {
  readonly config: Config;
  readonly state: AgentState;
  readonly report: PassReport;
  /** For each notified consumer: whether it has not read its files since; undefined if that cannot be known. */
  readonly notReading: ReturnType<typeof readingVerdicts>;
  /** Undefined for a one-shot that has ended: it makes no further pass. */
  readonly next: Plan | undefined;
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

/** Makes one pass at a time: when the plan says so, and on request. */
export class Agent {
  readonly #deps: AgentDeps;
  readonly #announcer: Announcer;
  readonly #deliverer: Deliverer;
  readonly #memory: RotateDeps['memory'] = {};
  #config: Config;
  #source: Source;
  #failures = 0;
  #last: FilesReport | undefined;
  #next: Plan | undefined;
  readonly #asked: PendingRequest[] = [];
  #wake = new AbortController();

  constructor(deps: AgentDeps, config: Config) {
    this.#deps = deps;
    this.#config = config;
    this.#source = deps.makeSource(config);
    this.#announcer = new Announcer(deps.log);
    const onOutcome: DeliverDeps['onOutcome'] = (outcome) => {
      this.#announcer.consumer(outcome);
      void this.#publish();
    };
    this.#deliverer = new Deliverer({ ...deps, onOutcome }, config);
  }

  /** Keeps the sinks fresh until aborted; a pass under way is ended cleanly. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#passes(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      for (const one of this.#asked) one.answer.reject(new AgentError('AGENT_ABSENT', 'the agent is stopping'));
      await this.#deliverer.stop();
    }
  }

  async #passes(signal: AbortSignal): Promise<void> {
    for (let trigger: PassTrigger = 'start'; !signal.aborted; trigger = 'scheduled') {
      const asked = [...this.#asked];
      await this.#pass(joinRequests(asked, trigger), signal);
      for (const one of this.#asked.splice(0, asked.length)) void this.#answer(one);
      await this.#sleep(signal);
    }
  }

  /** Asks the running agent for a pass; the report comes when its consumers have been tried as well. */
  async ask(asked: PassRequest): Promise<PassReport> {
    requireKnownConsumers(this.#config, asked);
    const waiting: PendingRequest = { ...asked, answer: Promise.withResolvers() };
    this.#asked.push(waiting);
    this.#wake.abort();
    return waiting.answer.promise;
  }

  /** What would happen if these consumers were notified now. */
  async dryRun(names: readonly string[]): Promise<readonly (readonly [ConsumerConfig, Prospect])[]> {
    requireKnownConsumers(this.#config, { notify: names });
    const consumers = this.#config.consumers.filter(({ name }) => names.includes(name));
    const { state } = this.#deps.store;
    return await Promise.all(
      consumers.map(async (consumer) => {
        const { matched = [] } = state.consumers[consumer.name] ?? {};
        const request = { consumer, generation: state.generation, reason: 'manual', paths: [], matched } as const;
        return [consumer, await this.#deps.dryRun(request, AbortSignal.timeout(DRY_RUN_PATIENCE_MS))] as const;
      }),
    );
  }

  /** Takes a new configuration and makes a pass with it. */
  reload(config: Config): Promise<PassReport> {
    this.#source = this.#deps.makeSource(config);
    this.#config = config;
    return this.ask({ trigger: 'reload', notifyAll: false });
  }

  /**
   * One pass, or passes until the source gives credentials or `waitMs` is over; then consumers are notified, with a
   * few seconds of patience for those that are just starting. Nothing is left running.
   */
  async once(request: PassRequest, limits: OnceLimits, signal: AbortSignal): Promise<PassReport> {
    const { clock } = this.#deps;
    const over = limits.waitMs > 0 ? AbortSignal.timeout(limits.waitMs) : AbortSignal.abort();
    const isLast: typeof isFinal = (state) => isFinal(state) || over.aborted;
    while (!isLast((await this.#pass(request, signal, isLast)).source.state)) {
      const retry = Math.min(this.#next?.waitMs ?? Infinity, LONGEST_WAIT_STEP_MS);
      await clock.sleep(retry, AbortSignal.any([signal, over]));
      signal.throwIfAborted();
    }
    // A hanging consumer must not delay shutdown; its notification stays pending.
    signal.addEventListener('abort', () => void this.#deliverer.stop());
    if (!signal.aborted) await this.#deliverer.drain(limits.patienceMs);
    await this.#deliverer.stop();
    if (this.#next !== undefined || this.#deliverer.outcomes().length > 0) {
      this.#next = undefined;
      await this.#publish();
    }
    return this.#report();
  }

  async #pass(request: PassRequest, signal: AbortSignal, isLast: typeof isFinal = () => false): Promise<FilesReport> {
    const config = this.#config;
    const report = await rotate({ ...this.#deps, source: this.#source, memory: this.#memory }, config, request, signal);
    this.#last = report;
    this.#announcer.pass(report);
    const unwritten = report.sinks.filter((sink) => sink.error !== undefined);
    const failed = report.source.state !== 'ok' || unwritten.some((sink) => sink.result === 'failed');
    this.#failures = failed ? this.#failures + 1 : 0;
    this.#next = isLast(report.source.state) ? undefined : this.#plan(config);
    // Publishing reports readiness, and systemd reloads no unit that is ordered after ours before that.
    await this.#publish();
    this.#deliverer.kick(config, new Set(unwritten.map(sinkId)), report.source.clockSkew);
    return report;
  }

  #plan(config: Config): Plan {
    const { clock, store } = this.#deps;
    const { schedule } = config.refresh;
    const { current } = store.state;
    const ahead = notableSkew(this.#last?.source.clockSkew);
    return planNext({
      now: clock.now(),
      refresh: config.refresh,
      // By our clock, which is the one that we sleep by.
      ...(current && { current: { ...current, expiration: current.expiration + ahead } }),
      failures: this.#failures,
      random: clock.random(),
      ...(schedule && { nextMatch: (after: number) => clock.nextMatch(schedule, after) }),
    });
  }

  async #sleep(signal: AbortSignal): Promise<void> {
    if (this.#asked.length > 0 || !this.#next) return;
    const { clock } = this.#deps;
    this.#wake = new AbortController();
    const { at, waitMs } = this.#next;
    // If the clock was set back since the plan, wait no longer than planned.
    await clock.sleep(Math.min(waitMs, at - clock.now()), AbortSignal.any([signal, this.#wake.signal]));
  }

  async #answer(waiting: PendingRequest): Promise<void> {
    const tried = new AbortController();
    await Promise.race([this.#deliverer.triedAllDue(), this.#deps.clock.sleep(ANSWER_PATIENCE_MS, tried.signal)]);
    tried.abort();
    waiting.answer.resolve(this.#report());
  }

  /** All that is known by now, of the last pass and of the consumers since. */
  view(consumers = this.#deliverer.news()): AgentView {
    const seen = { config: this.#config, state: this.#deps.store.state, report: this.#report(consumers) };
    return { ...seen, notReading: readingVerdicts(seen), next: this.#next };
  }

  #report(consumers = this.#deliverer.news()): PassReport {
    if (!this.#last) throw new AgentError('INTERNAL', 'a report was asked for before the first pass');
    return { ...this.#last, consumers };
  }

  async #publish(): Promise<void> {
    const view = this.view(this.#deliverer.outcomes());
    this.#announcer.notReading(view.notReading);
    await this.#deps.publish(view);
  }
}

interface PendingRequest extends PassRequest {
  readonly answer: PromiseWithResolvers<PassReport>;
}

/** Joins simultaneous requests into one: the first one's trigger counts, or `usual` if there is none. */
function joinRequests(asked: readonly PassRequest[], usual: PassTrigger): PassRequest {
  const notify = asked.flatMap((one) => one.notify ?? []);
  const acceptedBy = asked.find((one) => one.acceptedBy !== undefined)?.acceptedBy;
  return {
    trigger: asked[0]?.trigger ?? usual,
    notifyAll: asked.some((one) => one.notifyAll),
    ...(notify.length > 0 && { notify }),
    ...(acceptedBy !== undefined && { acceptedBy }),
  };
}

/** Throws a USAGE error that says which consumers there are. */
function requireKnownConsumers({ consumers }: Config, { notify = [] }: Pick<PassRequest, 'notify'>): void {
  const names = consumers.map(({ name }) => name);
  const unknown = notify.filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  throw new AgentError('USAGE', `--notify: expected consumers of the configuration, got ${unknown.join(', ')}`, {
    hint: names.length === 0 ? 'it has none' : `one of ${names.join(', ')}`,
  });
}
