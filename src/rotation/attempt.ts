import type { Config, ConsumerConfig } from '../core/config.ts';
import type { Clock } from '../core/contracts.ts';
import { toErrorInfo } from '../core/errors.ts';
import type { Outcome, PendingResult, Prospect } from '../core/outcomes.ts';
import type { NotifyRequest, NotifyResult, Sent } from '../notify/contract.ts';
import { backoff, forAll, isEndedFor, notifyRequest, settled, sinksOf, withSent, type Attempted } from './pending.ts';
import { withConsumer, type AgentState, type Pending } from './state.ts';
import type { StateStore } from './store.ts';

export interface AttemptDeps {
  readonly clock: Clock;
  readonly store: StateStore;
  readonly bootId: string;
  readonly notify: (request: NotifyRequest, signal: AbortSignal) => Promise<NotifyResult>;
  /** What {@link notify} would come to now; sends nothing. */
  readonly dryRun: (request: NotifyRequest, signal: AbortSignal) => Promise<Prospect>;
  /** Whether a consumer survives what was sent; rejects when aborted. */
  readonly watch: (consumer: ConsumerConfig, sent: Sent, signal: AbortSignal) => Promise<Outcome>;
  /** Whether a process that reads one of these files leaves a trace in its access time; undefined when nothing tells. */
  readonly readsShow: (pid: number, paths: readonly string[]) => boolean | undefined;
}

export interface Surroundings {
  readonly sinks: Config['sinks'];
  readonly clockSkew: number;
  readonly spread: number;
  readonly signal: AbortSignal;
}

/** What an attempt has come to; for an ended consumer, whether another one runs in its place. */
export interface Attempt {
  readonly result: Outcome;
  readonly hasSuccessor: boolean;
}

/**
 * Makes one attempt to notify a consumer, watches what becomes of it, and puts the outcome into the state. Undefined when
 * it was given up: what was sent stays on disk, to be watched by whoever starts next.
 */
export async function attempt(
  deps: AttemptDeps,
  consumer: ConsumerConfig,
  around: Surroundings,
): Promise<Attempt | undefined> {
  await forgetEnd(deps.store, consumer);
  const before = deps.store.state;
  const own = before.consumers[consumer.name] ?? {};
  if (!own.pending) return undefined;
  const { clock, store } = deps;
  const tried = own.ended
    ? await lookForSuccessor(deps, consumer, around)
    : await notifyAndWatch(deps, consumer, own.pending, around);
  if (!tried || (around.signal.aborted && tried.result.result === 'pending')) return undefined;
  const attempted: Attempted = {
    consumer,
    ...tried,
    before,
    now: clock.now(),
    delay: backoff(own.pending.attempts, clock.random()),
    traceable: traceable(deps, consumer, around.sinks, tried.result),
  };
  await store.update((state) => withConsumer(state, consumer.name, settled(state, attempted)));
  const error = store.state.consumers[consumer.name]?.ended?.error;
  return { result: error ? { result: 'ended', error } : tried.result, hasSuccessor: tried.hasSuccessor };
}

/** Another configuration may be right. */
async function forgetEnd(store: StateStore, consumer: ConsumerConfig): Promise<void> {
  const { ended, ...own } = store.state.consumers[consumer.name] ?? {};
  if (ended && !isEndedFor({ ended }, consumer)) await store.update((state) => withConsumer(state, consumer.name, own));
}

interface Tried extends Attempt {
  readonly pending: Pending;
  /** Nobody knows yet what became of it. */
  readonly isUnknown?: true;
}

async function notifyAndWatch(
  deps: AttemptDeps,
  consumer: ConsumerConfig,
  pending: Pending,
  around: Surroundings,
): Promise<Tried | undefined> {
  const { store } = deps;
  if (pending.sent) return await watched(deps, consumer, around, { pending, sent: pending.sent });
  const result = await guarded(deps.notify, requestOf(deps, store.state, consumer, around), around.signal);
  if (result.result !== 'sent') return { result, pending, hasSuccessor: false };
  const recorded = store.update((state) => withSent(state, consumer.name, pending, result.sent));
  const noted = store.state.consumers[consumer.name]?.pending ?? pending;
  await recorded;
  return await watched(deps, consumer, around, { pending: noted, ...result });
}

interface Watching {
  readonly pending: Pending;
  readonly sent: Sent;
  readonly rest?: PendingResult;
}

/** Undefined when the watch was given up. */
async function watched(
  { watch }: AttemptDeps,
  consumer: ConsumerConfig,
  { signal }: Surroundings,
  { pending, sent, rest }: Watching,
): Promise<Tried | undefined> {
  try {
    const result = await watch(consumer, sent, signal);
    return { result: partly(result, sent, rest), pending, hasSuccessor: false };
  } catch (error) {
    if (signal.aborted) return undefined;
    const result = { result: 'pending', kind: 'later', error: toErrorInfo(error) } as const;
    return { result, pending, hasSuccessor: false, isUnknown: true };
  }
}

/** Those that survived, and others that are still to be notified. */
function partly(result: Outcome, { isPartial, detail }: Sent, rest?: PendingResult): Outcome {
  if (!isPartial || result.result !== 'notified') return result;
  const error = { code: 'CONSUMER_FAILED', message: `${detail}, and others are still to be notified` } as const;
  return rest ?? { result: 'pending', kind: 'later', error };
}

async function lookForSuccessor(
  deps: AttemptDeps,
  consumer: ConsumerConfig,
  around: Surroundings,
): Promise<Tried | undefined> {
  const { state } = deps.store;
  const { pending, ended } = state.consumers[consumer.name] ?? {};
  if (!pending || !ended) return undefined;
  const { processes, result } = await deps.dryRun(requestOf(deps, state, consumer, around), around.signal);
  const isRunning =
    processes.length > 0 || (result !== undefined && result.result !== 'not_running' && result.result !== 'pending');
  if (result?.result === 'started_since') return { result, pending, hasSuccessor: true };
  return { result: { result: 'pending', kind: 'refused', error: ended.error }, pending, hasSuccessor: isRunning };
}

function requestOf(
  deps: AttemptDeps,
  state: AgentState,
  consumer: ConsumerConfig,
  around: Surroundings,
): NotifyRequest {
  const request = notifyRequest(state, consumer, { ...around, bootId: deps.bootId });
  if (!request) throw new Error('expected a pending notification, got none');
  return request;
}

async function guarded(
  notify: AttemptDeps['notify'],
  request: NotifyRequest,
  signal: AbortSignal,
): Promise<NotifyResult> {
  try {
    return await notify(request, signal);
  } catch (error) {
    return { result: 'pending', kind: 'later', error: toErrorInfo(error) };
  }
}

/** Who reads for a hook nobody knows. */
function traceable(
  deps: AttemptDeps,
  { name }: ConsumerConfig,
  sinks: Config['sinks'],
  result: Outcome,
): boolean | undefined {
  if ((result.result !== 'notified' && result.result !== 'started_since') || !result.processes) return undefined;
  const paths = sinksOf(sinks, name).map(({ path }) => path);
  return forAll(result.processes.map((pid) => deps.readsShow(pid, paths)));
}
