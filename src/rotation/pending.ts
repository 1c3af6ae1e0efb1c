import type { ConsumerConfig, SinkConfig } from '../core/config.ts';
import { digest } from '../core/digest.ts';
import { idOf } from '../core/sink-id.ts';
import { carriesExpiration } from '../sinks/formats/render.ts';
import { withConsumer, type AgentState, type ConsumerState, type Pending } from './state.ts';

/** Who is to be notified, and when: pure rules on the state. */

export interface Change {
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
    // A repair under the same credentials brings nothing to a consumer that is spared needless restarts.
    if (consumer.when === 'expiring' && before.known?.generation === state.generation && !change.urgent) return result;
    return withConsumer(result, consumer.name, {
      ...before,
      pending: pendingFor(state.generation, before, sinks, change),
    });
  }, state);
}

/**
 * The keys have another expiration, and nobody is notified of that now. A consumer that goes by an expiration is
 * notified once, when little is left of the one that it knows: some readers refuse keys after the one that they read.
 */
export function noteRenewed(state: AgentState, config: Topology, now: number): AgentState {
  return config.consumers.reduce((result, consumer) => {
    const { known, ...own } = result.consumers[consumer.name] ?? {};
    if (known?.generation !== state.generation) return result;
    // The source's word about its own keys: they end then, whatever a consumer has read.
    const expiration = Math.min(known.expiration, state.standing?.expiration ?? Infinity);
    const before = { ...own, known: { ...known, expiration } };
    const sinks = expiringSinks(consumer, config.sinks);
    if (own.pending || sinks.length === 0) return withConsumer(result, consumer.name, before);
    const pending = pendingFor(state.generation, before, sinks, { sinks, now, urgent: false });
    return withConsumer(result, consumer.name, { ...before, pending: { ...pending, reason: 'renewed' } });
  }, state);
}

/** Those of a consumer's sinks that say when the credentials expire; all of them where it is to be notified of that. */
function expiringSinks({ name, when }: ConsumerConfig, sinks: readonly SinkConfig[]): readonly string[] {
  const own = sinks.filter((sink) => sink.notify.includes(name));
  return own.filter((sink) => when === 'expiring' || carriesExpiration(sink)).map(idOf);
}

/**
 * Notes a pending notification for each of these consumers, as asked by a person: `refresh --notify`. Those that were
 * asked for by `name` are notified even if they ended on it before.
 */
export function noteAsked(
  state: AgentState,
  config: Topology,
  { now, names = [] }: { readonly now: number; readonly names?: readonly string[] | undefined },
): AgentState {
  return config.consumers.reduce((result, consumer) => {
    const { ended, ...own } = result.consumers[consumer.name] ?? {};
    const before = { ...own, ...(ended && !names.includes(consumer.name) && { ended }) };
    const change = { sinks: [], now, urgent: true };
    const sinks = sinksOf(config.sinks, consumer.name).map(idOf);
    return withConsumer(result, consumer.name, {
      ...before,
      pending: { ...pendingFor(state.generation, before, sinks, change), reason: 'manual' },
    });
  }, state);
}

/** A new process tries at once what a former one was to try later: whoever started it may have mended something. */
export function withoutBackoff(state: AgentState): AgentState {
  return Object.entries(state.consumers).reduce(
    (result, [name, { pending, ...rest }]) =>
      pending ? withConsumer(result, name, { ...rest, pending: { ...pending, nextAttempt: 0 } }) : result,
    state,
  );
}

export interface Topology {
  readonly sinks: readonly SinkConfig[];
  readonly consumers: readonly ConsumerConfig[];
}

export function sinksOf(sinks: readonly SinkConfig[], consumer: string): readonly SinkConfig[] {
  return sinks.filter((sink) => sink.notify.includes(consumer));
}

function pendingFor(generation: number, before: ConsumerState, sinks: readonly string[], change: Change): Pending {
  return {
    generation,
    reason: before.known ? 'changed' : 'first',
    since: before.pending?.since ?? change.now,
    urgent: change.urgent || (before.pending?.urgent ?? false),
    sinks: [...new Set([...(before.pending?.sinks ?? []), ...sinks])],
    attempts: 0,
    nextAttempt: 0,
    ...(before.pending?.sent && { sent: { ...before.pending.sent, isEarlier: true as const } }),
  };
}

/**
 * When a consumer is to be notified, in epoch milliseconds; a time that has passed means now.
 *
 * `when: expiring` spares restarts: it waits until little is left of the credentials that the consumer knows. While a
 * sink of the consumer could not be written it is not notified, unless what it knows runs out.
 */
export function dueAt(
  consumer: ConsumerConfig,
  own: ConsumerState,
  { allSinksStand, clockSkew = 0, spread = 0 }: Circumstances,
): number {
  if (!own.pending) return Infinity;
  if (own.ended || own.pending.sent) return own.pending.nextAttempt;
  const isSpared = own.pending.reason === 'renewed' || (consumer.when === 'expiring' && !own.pending.urgent);
  return Math.max(
    own.pending.nextAttempt,
    isSpared || !allSinksStand ? lastMoment(consumer, own, { clockSkew, spread }) : 0,
  );
}

export interface Circumstances {
  readonly allSinksStand: boolean;
  /** Our clock minus the one that expirations are times of; milliseconds. */
  readonly clockSkew?: number;
  /** Of this host, from 0 to 1. */
  readonly spread?: number;
}

/** The part of a lifetime over which the hosts of a group are spread: each restarts its consumers so much earlier. */
const SPREAD = 0.1;

/** When little is left of the credentials that a consumer knows; 0 when it knows none. */
export function lastMoment(
  { before }: ConsumerConfig,
  { known }: ConsumerState,
  { clockSkew = 0, spread = 0 }: Omit<Circumstances, 'allSinksStand'>,
): number {
  if (!known) return 0;
  return known.expiration + clockSkew - (before ?? known.lifetime / 3) - spread * SPREAD * known.lifetime;
}

/** Fixed for a host, and another one for an image of it. */
export function spreadOf({ seed, origin }: Pick<AgentState, 'seed' | 'origin'>): number {
  if (seed === undefined) return 0;
  const digits = 8;
  return Number.parseInt(digest(`${seed} ${origin.instanceId ?? ''}`).slice(0, digits), 16) / 16 ** digits;
}
