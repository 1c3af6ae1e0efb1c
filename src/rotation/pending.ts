import type { Config, ConsumerConfig, SinkConfig } from '../core/config.ts';
import type { BootTime } from '../core/contracts.ts';
import { digest } from '../core/digest.ts';
import type { HookRun, Outcome } from '../core/outcomes.ts';
import { idOf } from '../core/sink-id.ts';
import { keyOf, type NotifyRequest, type Sent } from '../notify/contract.ts';
import { carriesExpiration } from '../sinks/formats/render.ts';
import {
  memoryOf,
  withConsumer,
  type AgentState,
  type ConsumerState,
  type Pending,
  type SourceMemory,
} from './state.ts';

/** Pure rules on the state: which consumer is notified of what, when, and what an attempt leaves pending. */

export interface Change {
  /** The name of the source whose sinks they are. */
  readonly source: string;
  /** The sinks whose bytes are, or will be, others. */
  readonly sinks: readonly string[];
  readonly now: number;
  readonly urgent: boolean;
}

/** Notes a pending notification for every consumer of the changing sinks. Noting it again resets its backoff. */
export function notePending(state: AgentState, config: Topology, change: Change): AgentState {
  const changing = new Set(change.sinks);
  return config.consumers.reduce((result, consumer) => {
    const sinks = sinksOf(config.sinks, consumer.name)
      .map(idOf)
      .filter((id) => changing.has(id));
    if (sinks.length === 0) return result;
    const before = result.consumers[consumer.name] ?? {};
    // A repair under the same credentials is no reason for a restart.
    if (consumer.when === 'expiring' && isNotifiedOf(state, before, change.source) && !change.urgent) return result;
    const pending = pendingFor(state, before, sinks, change);
    return withConsumer(result, consumer.name, { ...before, pending });
  }, state);
}

function isNotifiedOf(state: AgentState, { notifiedOf }: ConsumerState, source: string): boolean {
  return notifiedOf?.[source]?.generation === memoryOf(state, source).generation;
}

/**
 * Notes that the keys have another expiration; no consumer is notified of that now. A consumer that goes by an
 * expiration is notified once, before the expiration that it read: some readers refuse keys after that.
 */
export function noteRenewed(
  state: AgentState,
  config: Topology,
  { source, now }: Pick<Change, 'source' | 'now'>,
): AgentState {
  return config.consumers.reduce((result, consumer) => {
    const { notifiedOf = {}, ...rest } = result.consumers[consumer.name] ?? {};
    const known = notifiedOf[source];
    if (!known || !isNotifiedOf(state, { notifiedOf }, source)) return result;
    const memory = memoryOf(state, source);
    const expiration = expirationAsRead(known.expiration, memory);
    const before = { ...rest, notifiedOf: { ...notifiedOf, [source]: { ...known, expiration } } };
    const sinks = expiringSinks(consumer, config.sinks);
    if (memory.current?.endsUnknown || rest.pending || sinks.length === 0)
      return withConsumer(result, consumer.name, before);
    const pending = pendingFor(state, before, sinks, { source, now, urgent: false });
    return withConsumer(result, consumer.name, { ...before, pending: { ...pending, reason: 'renewed' } });
  }, state);
}

/**
 * The source decides about its keys: they may end before the expiration that a consumer has read. If it does not know
 * their end, nobody does.
 */
function expirationAsRead(read: number, { current }: SourceMemory): number {
  const ends = current?.expiration ?? Infinity;
  return current?.endsUnknown ? ends : Math.min(read, ends);
}

/** The sinks of a consumer that hold the expiration; all of them if it is notified by expiration. */
function expiringSinks({ name, when }: ConsumerConfig, sinks: readonly SinkConfig[]): readonly string[] {
  return sinksOf(sinks, name)
    .filter((sink) => when === 'expiring' || carriesExpiration(sink))
    .map(idOf);
}

/**
 * Notes a pending notification for each of these consumers on a person's request: `refresh --notify`. Consumers that
 * `names` lists are notified even if they ended on a former notification.
 */
export function noteManual(
  state: AgentState,
  config: Topology,
  { source, now, names = [] }: Pick<Change, 'source' | 'now'> & { readonly names?: readonly string[] | undefined },
): AgentState {
  return config.consumers.reduce((result, consumer) => {
    const { ended, ...rest } = result.consumers[consumer.name] ?? {};
    const before = { ...rest, ...(ended && !names.includes(consumer.name) && { ended }) };
    const sinks = sinksOf(config.sinks, consumer.name).map(idOf);
    const pending = pendingFor(state, before, sinks, { source, now, urgent: true });
    return withConsumer(result, consumer.name, { ...before, pending: { ...pending, reason: 'manual' } });
  }, state);
}

export type Topology = Pick<Config, 'sinks' | 'consumers'>;

export function sinksOf(sinks: readonly SinkConfig[], consumer: string): readonly SinkConfig[] {
  return sinks.filter((sink) => sink.notify.includes(consumer));
}

function pendingFor(
  state: AgentState,
  { notifiedOf, pending }: ConsumerState,
  sinks: readonly string[],
  { source, now, urgent }: Omit<Change, 'sinks'>,
): Pending {
  return {
    generations: { ...pending?.generations, [source]: memoryOf(state, source).generation },
    reason: notifiedOf ? 'changed' : 'first',
    since: pending?.since ?? now,
    urgent: urgent || (pending?.urgent ?? false),
    sinks: [...new Set([...(pending?.sinks ?? []), ...sinks])],
    attempts: 0,
    nextAttempt: 0,
    ...(pending?.sent && { sent: { ...pending.sent, isEarlier: true as const } }),
  };
}

/**
 * When a consumer is to be notified, in epoch milliseconds. A time in the past means now.
 *
 * `when: expiring` spares restarts: it waits until the consumer's credentials are about to expire. While a sink of the
 * consumer could not be written it is not notified, unless its credentials are about to expire.
 */
export function dueAt(consumer: ConsumerConfig, consumerState: ConsumerState, around: Surroundings): number {
  const { pending, ended } = consumerState;
  if (!pending) return Infinity;
  if (ended || pending.sent) return pending.nextAttempt;
  const isSpared = pending.reason === 'renewed' || (consumer.when === 'expiring' && !pending.urgent);
  const areSinksCurrent = sinksOf(around.sinks, consumer.name).every((sink) => !around.failedSinks.has(idOf(sink)));
  return Math.max(pending.nextAttempt, isSpared || !areSinksCurrent ? lastMoment(consumer, consumerState, around) : 0);
}

export type ClockSkews = Readonly<Record<string, number>>;

/** All beside the state that decides when a consumer is notified, and of what. */
export interface Surroundings {
  readonly sinks: readonly SinkConfig[];
  /** Ids of those that could not be written. */
  readonly failedSinks: ReadonlySet<string>;
  readonly bootId: string;
  /** Our clock minus that of each source, which its expirations are times of; milliseconds. */
  readonly clockSkews: ClockSkews;
  /** Of this host, from 0 to 1. */
  readonly spread: number;
}

/**
 * The part of a lifetime over which the hosts of a group are spread: a host restarts its consumers earlier by its
 * share.
 */
const SPREAD = 0.1;

/**
 * When the consumer's credentials of the sources in its pending notification are about to expire: of the first that
 * does. 0 when it was never notified of one of the sources.
 */
export function lastMoment(
  { before }: ConsumerConfig,
  { notifiedOf = {}, pending }: ConsumerState,
  { clockSkews, spread }: Pick<Surroundings, 'clockSkews' | 'spread'>,
): number {
  const moments = Object.keys(pending?.generations ?? notifiedOf).map((source) => {
    const known = notifiedOf[source];
    if (!known) return 0;
    const { expiration, lifetime } = known;
    return expiration + (clockSkews[source] ?? 0) - (before ?? lifetime / 3) - spread * SPREAD * lifetime;
  });
  return moments.length === 0 ? 0 : Math.min(...moments);
}

/** The share of this host, from 0 to 1: fixed for a host, another for an image of it. */
export function spreadOf({ seed, sources }: Pick<AgentState, 'seed' | 'sources'>): number {
  if (seed === undefined) return 0;
  const digits = 8;
  const instanceId = Object.values(sources).find(({ origin }) => origin.instanceId)?.origin.instanceId;
  return Number.parseInt(digest(`${seed} ${instanceId ?? ''}`).slice(0, digits), 16) / 16 ** digits;
}

/** The generation for people and hooks: the highest, if it is of several sources. */
export function generationOf({ generations }: Pick<Pending, 'generations'>): number {
  return Math.max(0, ...Object.values(generations));
}

/** The request of an attempt to notify a consumer. */
export function notifyRequest(
  state: AgentState,
  consumer: ConsumerConfig,
  pending: Pending,
  around: Surroundings,
): NotifyRequest {
  const consumerState: ConsumerState = state.consumers[consumer.name] ?? {};
  const { matched } = consumerState;
  const isManual = pending.reason === 'manual';
  // The time of the file with the new expiration is unknown: its keys came before.
  const changedAt =
    isManual || pending.reason === 'renewed' ? undefined : lastChange(state, pending.sinks, around.bootId);
  return {
    consumer,
    generation: generationOf(pending),
    reason: pending.attempts > 0 && !isManual ? 'retry' : pending.reason,
    paths: [...new Set(around.sinks.filter((sink) => pending.sinks.includes(idOf(sink))).map(({ path }) => path))],
    ...(changedAt && { changedAt }),
    ...(pending.notified && { notified: pending.notified }),
    ...(matched && { matched }),
    ...(consumer.when === 'auto' &&
      !pending.urgent && { noRestartBefore: lastMoment(consumer, consumerState, around) }),
  };
}

/** When the last of these sinks changed; undefined without a record: the consumer is notified in any case. */
function lastChange(state: AgentState, sinks: readonly string[], bootId: string): BootTime | undefined {
  const times: BootTime[] = [];
  for (const sink of sinks) {
    const record = state.sinks[sink];
    if (!record) return undefined;
    times.push(record.renamedAtBoot);
  }
  const ofThisBoot = times.filter((time) => time.bootId === bootId);
  return (ofThisBoot.length > 0 ? ofThisBoot : times).toSorted((a, b) => b.sinceBoot - a.sinceBoot)[0];
}

/** For this long a consumer that is not running is looked for again: it may be between start and pid file. */
const NOT_RUNNING_GRACE_MS = 30_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 300_000;

export interface Attempted {
  readonly consumer: ConsumerConfig;
  readonly result: Outcome;
  /** The state at its begin, which has the credentials that the consumer knows now. */
  readonly before: AgentState;
  /** The notification that it tried, with the signals sent for it. */
  readonly pending: Pending;
  readonly now: number;
  /** The sent signal is to be watched once more. */
  readonly isUnknown?: true;
  /** Until the next attempt, if there is to be one. */
  readonly delayMs: number;
  /** Whether its processes leave a trace when they read; undefined when nothing tells. */
  readonly traceable: boolean | undefined;
}

/** Notes what was sent, before it is watched. */
export function withSent(state: AgentState, name: string, pending: Pending, sent: Sent): AgentState {
  const { pending: current, ...rest } = state.consumers[name] ?? {};
  if (!current) return state;
  const isEarlier = current !== pending && { isEarlier: true as const };
  return withConsumer(state, name, { ...rest, pending: { ...current, sent: { ...sent, ...isEarlier } } });
}

/** A consumer's state after an attempt. A change since then stays pending. */
export function consumerAfter(state: AgentState, attempted: Attempted): ConsumerState {
  const { consumer, result } = attempted;
  const { pending, ended: before, ...rest } = state.consumers[consumer.name] ?? {};
  const ended =
    result.result === 'ended'
      ? { error: { ...result.error, code: 'CONSUMER_ENDED' as const }, config: configOf(consumer) }
      : before;
  const notifiedOf = knownAfter(attempted);
  const left = pending && leftPending(pending, attempted, ended !== undefined);
  return {
    ...rest,
    ...(ended && { ended }),
    ...matchedAfter(attempted),
    ...hookOf(result),
    ...(notifiedOf && { notifiedOf }),
    ...(left && { pending: left }),
  };
}

/** The end and output of the consumer's program, if it has one. */
export function hookOf(result: Outcome): { readonly hook?: HookRun } {
  return 'hook' in result ? { hook: result.hook } : {};
}

function leftPending(pending: Pending, attempted: Attempted, hasEnded: boolean): Pending | undefined {
  const isNewer = pending !== attempted.pending || pending.sent?.isEarlier === true;
  const isDone = isDelivered(attempted);
  const { sent, ...rest } = pending;
  const next = attempted.isUnknown && sent ? pending : rest;
  if (!isNewer) return isDone && !hasEnded ? undefined : triedAgain(next, attempted);
  // This notification became pending during the first delivery, and comes after it.
  return isDone && next.reason === 'first' ? { ...next, reason: 'changed' } : next;
}

/** Whether a consumer that ended stays unnotified: its configuration is the same. */
export function isEndedFor({ ended }: ConsumerState, consumer: ConsumerConfig): boolean {
  return ended?.config === configOf(consumer);
}

function configOf(consumer: ConsumerConfig): string {
  return digest(JSON.stringify(consumer));
}

function knownAfter(attempted: Attempted): ConsumerState['notifiedOf'] {
  const { result, now, traceable, pending, before, consumer } = attempted;
  if (!isDelivered(attempted) || !('detail' in result) || result.result === 'scheduled') return undefined;
  const said = { at: now, by: result.result, ...(traceable !== undefined && { traceable }) };
  const known = Object.entries(pending.generations).flatMap(([source, generation]) => {
    const { current } = memoryOf(before, source);
    return current
      ? [[source, { generation, expiration: current.expiration, lifetime: current.lifetime, ...said }]]
      : [];
  });
  if (known.length === 0) return undefined;
  return {
    ...before.consumers[consumer.name]?.notifiedOf,
    ...(Object.fromEntries(known) as ConsumerState['notifiedOf']),
  };
}

/** Of processes; more would make the state long. */
const MOST_MATCHED = 50;

function matchedAfter({ result, pending }: Attempted): Pick<ConsumerState, 'matched'> {
  const sent = result.result === 'notified' ? (pending.sent?.processes ?? []) : [];
  const matched = sent.flatMap((process) => (process.file === undefined ? [] : `${process.file}=${keyOf(process)}`));
  return matched.length > 0 ? { matched: matched.slice(0, MOST_MATCHED) } : {};
}

function isDelivered({ result, now, pending }: Attempted): boolean {
  if (result.result === 'not_running') return now - pending.since >= NOT_RUNNING_GRACE_MS;
  return result.result === 'notified' || result.result === 'started_since';
}

function triedAgain(next: Pending, { result, now, delayMs, pending: { sent } }: Attempted): Pending {
  if (result.result === 'scheduled') return { ...next, nextAttempt: result.until };
  // Other processes are still to be notified; these are not notified again.
  const keys = [...(next.notified ?? []), ...(sent?.processes.map(keyOf) ?? [])];
  const notified = result.result === 'pending' && !next.sent && keys.length > 0 && { notified: keys };
  return { ...next, ...notified, attempts: next.attempts + 1, nextAttempt: now + delayMs };
}

/** Full jitter, so that retries of many hosts or consumers do not fall into step. */
export function backoff(attempts: number, random: number): number {
  const ceiling = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempts);
  return Math.max(FIRST_RETRY_MS / 2, ceiling * random);
}
