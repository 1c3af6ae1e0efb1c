import { INSTANCE, type Config } from '../core/config.ts';
import { idOf, sinkId } from '../core/sink-id.ts';
import type { ConsumerResult, PassReport, SinkOutcome } from '../core/outcomes.ts';
import type { Past } from './build-status.ts';
import type { Report, Status } from './schema.ts';
import { sourcesOf } from './sources.ts';

/**
 * Counts beside the work, and continues where a former process stopped: one-shots would never count beyond 1. The
 * former status is in the runtime directory, so that a boot begins again, as readers of counters expect now and then.
 */
export class Tally {
  readonly #imdsRequests: Map<string, number>;
  readonly #sinkWrites: Map<string, number>;
  readonly #notifications: Map<string, Map<string, number>>;
  #lastSuccess: string | undefined;
  /** By each source with its state, and by each sink that is not up to date. */
  #since: ReadonlyMap<string, string>;
  #findings: NonNullable<Status['findings']>;

  constructor(former?: Status) {
    const { imdsRequests = {}, sinkWrites = {}, notifications = {} } = former?.counters ?? {};
    this.#imdsRequests = new Map(Object.entries(imdsRequests));
    this.#sinkWrites = new Map(Object.entries(sinkWrites));
    this.#notifications = new Map(
      Object.entries(notifications).map(([name, results]) => [name, new Map(Object.entries(results))]),
    );
    this.#lastSuccess = former?.lastSuccess;
    this.#findings = former?.findings ?? [];
    const { sinks = [] } = former ?? {};
    this.#since = new Map([
      ...(former ? sourcesOf(former) : []).map(
        ({ name = INSTANCE, state, since }) => [`${name} ${state}`, since] as const,
      ),
      ...sinks.flatMap(({ since, ...sink }) => (since === undefined ? [] : [[sinkId(sink), since] as const])),
    ]);
  }

  request(result: string): void {
    increment(this.#imdsRequests, result);
  }

  sinks(outcomes: readonly SinkOutcome[]): void {
    const written = outcomes.filter(({ result }) => result === 'written' || result === 'repaired');
    for (const sink of written) increment(this.#sinkWrites, sinkId(sink));
  }

  notified(consumer: string, result: ConsumerResult): void {
    const results = this.#notifications.get(consumer) ?? new Map<string, number>();
    this.#notifications.set(consumer, results);
    increment(results, result);
  }

  found(findings: Report['findings']): void {
    this.#findings = findings;
  }

  /** The past including this pass, as far as it concerns these sinks and consumers. */
  with({ config, report }: PassInput): Past {
    const isGood = report.sources.every(({ state }) => state === 'ok') && report.sinks.every(({ error }) => !error);
    if (isGood) this.#lastSuccess = new Date(report.finishedAt).toISOString();
    const notifications = config.consumers.flatMap(({ name }) => {
      const results = this.#notifications.get(name);
      return results ? [[name, Object.fromEntries(results)] as const] : [];
    });
    const sinkWrites = config.sinks.map(idOf).map((id) => [id, this.#sinkWrites.get(id) ?? 0] as const);
    return {
      counters: {
        imdsRequests: Object.fromEntries(this.#imdsRequests),
        sinkWrites: Object.fromEntries(sinkWrites),
        notifications: Object.fromEntries(notifications),
      },
      lastSuccess: this.#lastSuccess,
      findings: this.#findings,
      since: this.#sinceThen(config, report),
    };
  }

  /** A state that a former pass had as well has lasted since then. */
  #sinceThen(config: PassInput['config'], { finishedAt, sources, sinks }: PassInput['report']): Past['since'] {
    const good = new Set(sinks.filter(({ error }) => !error).map(sinkId));
    const bad = config.sinks.map(idOf).filter((id) => !good.has(id));
    const now = new Date(finishedAt).toISOString();
    const sinceOf = (one: string): [string, string] => [one, this.#since.get(one) ?? now];
    const ofSinks = bad.map(sinceOf);
    const ofSources = sources.map(({ name, state }) => [name, sinceOf(`${name} ${state}`)] as const);
    this.#since = new Map([...ofSources.map(([, since]) => since), ...ofSinks]);
    const since = ofSources.map(([name, [, at]]) => [name, at]);
    return { sources: Object.fromEntries(since) as Past['since']['sources'], sinks: Object.fromEntries(ofSinks) };
  }
}

interface PassInput {
  readonly config: Pick<Config, 'sinks' | 'consumers'>;
  readonly report: Pick<PassReport, 'finishedAt' | 'sources' | 'sinks'>;
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
