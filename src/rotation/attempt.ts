import type { Config, ConsumerConfig } from '../core/config.ts';
import type { Clock } from '../core/contracts.ts';
import { toErrorInfo } from '../core/errors.ts';
import type { Outcome, PendingResult, Prospect } from '../core/outcomes.ts';
import type { NotifyRequest, NotifyResult, Sent } from '../notify/contract.ts';
import {
  backoff,
  consumerAfter,
  isEndedFor,
  notifyRequest,
  sinksOf,
  withSent,
  type Attempted,
  type Surroundings,
} from './pending.ts';
import { withConsumer, type ConsumerState, type Pending } from './state.ts';
import type { StateStore } from './store.ts';

export interface AttemptDeps {
  readonly clock: Clock;
  readonly store: StateStore;
  readonly notify: (request: NotifyRequest, signal: AbortSignal) => Promise<NotifyResult>;
  /** The result that {@link notify} would have now; sends nothing. */
  readonly dryRun: (request: NotifyRequest, signal: AbortSignal) => Promise<Prospect>;
  /** Whether a consumer survives the signal; rejects when aborted. */
  readonly watch: (consumer: ConsumerConfig, sent: Sent, signal: AbortSignal) => Promise<Outcome>;
  /**
   * Whether a process that reads one of these files leaves a trace in its access time; undefined when nothing tells.
   */
  readonly readsShow: (pid: number, paths: readonly string[]) => boolean | undefined;
}

/** The result of an attempt; for an ended consumer, whether a successor runs. */
export interface AttemptResult {
  readonly result: Outcome;
  readonly hasSuccessor?: boolean;
}

/**
 * Makes one attempt to notify a consumer, watches whether it survives, and puts the outcome into the state. Undefined
 * if it was given up: the record of the signal stays on disk, and the next process watches.
 */
export async function attempt(
  deps: AttemptDeps,
  consumer: ConsumerConfig,
  around: Surroundings,
  signal: AbortSignal,
): Promise<AttemptResult | undefined> {
  const { clock, store } = deps;
  await forgetEnd(store, consumer);
  const before = store.state;
  const { pending, ended } = before.consumers[consumer.name] ?? {};
  if (!pending) return undefined;
  const request = notifyRequest(before, consumer, pending, around);
  const tried = ended
    ? await lookForSuccessor(deps, request, { pending, ended }, signal)
    : await notifyAndWatch(deps, request, pending, signal);
  if (!tried || (signal.aborted && tried.result.result === 'pending')) return undefined;
  const attempted: Attempted = {
    consumer,
    ...tried,
    before,
    now: clock.now(),
    delayMs: backoff(pending.attempts, clock.random()),
    traceable: traceable(deps, consumer, around.sinks, tried.result),
  };
  await store.update((state) => withConsumer(state, consumer.name, consumerAfter(state, attempted)));
  const error = store.state.consumers[consumer.name]?.ended?.error;
  return error ? { ...tried, result: { result: 'ended', error } } : tried;
}

/** A changed configuration may be right: the consumer is notified again. */
async function forgetEnd(store: StateStore, consumer: ConsumerConfig): Promise<void> {
  const { ended, ...rest } = store.state.consumers[consumer.name] ?? {};
  if (ended && !isEndedFor({ ended }, consumer))
    await store.update((state) => withConsumer(state, consumer.name, rest));
}

type Tried = AttemptResult & Pick<Attempted, 'pending' | 'isUnknown'>;

async function notifyAndWatch(
  deps: AttemptDeps,
  request: NotifyRequest,
  pending: Pending,
  signal: AbortSignal,
): Promise<Tried | undefined> {
  const { store, notify } = deps;
  const { consumer } = request;
  if (pending.sent) return await watched(deps, consumer, { pending, sent: pending.sent }, signal);
  const result = await notify(request, signal).catch(triedLater);
  if (result.result !== 'sent') return { result, pending };
  const recorded = store.update((state) => withSent(state, consumer.name, pending, result.sent));
  const withSignal = store.state.consumers[consumer.name]?.pending ?? pending;
  await recorded;
  return await watched(deps, consumer, { pending: withSignal, ...result }, signal);
}

function triedLater(error: unknown): PendingResult {
  return { result: 'pending', kind: 'later', error: toErrorInfo(error) };
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
  { pending, sent, rest }: Watching,
  signal: AbortSignal,
): Promise<Tried | undefined> {
  try {
    return { result: partly(await watch(consumer, sent, signal), sent, rest), pending };
  } catch (error) {
    return signal.aborted ? undefined : { result: triedLater(error), pending, isUnknown: true };
  }
}

/** Some processes survived, and others are still to be notified. */
function partly(result: Outcome, { isPartial, detail }: Sent, rest?: PendingResult): Outcome {
  if (!isPartial || result.result !== 'notified') return result;
  const error = { code: 'CONSUMER_FAILED', message: `${detail}, and others are still to be notified` } as const;
  return rest ?? { result: 'pending', kind: 'later', error };
}

async function lookForSuccessor(
  { dryRun }: AttemptDeps,
  request: NotifyRequest,
  { pending, ended }: Required<Pick<ConsumerState, 'pending' | 'ended'>>,
  signal: AbortSignal,
): Promise<Tried> {
  const { processes, result } = await dryRun(request, signal);
  if (result?.result === 'started_since') return { result, pending, hasSuccessor: true };
  const isRunning =
    processes.length > 0 || (result !== undefined && result.result !== 'not_running' && result.result !== 'pending');
  return { result: { result: 'pending', kind: 'refused', error: ended.error }, pending, hasSuccessor: isRunning };
}

/** Undefined for a hook: the readers that it starts are unknown. */
function traceable(
  deps: AttemptDeps,
  { name }: ConsumerConfig,
  sinks: Config['sinks'],
  result: Outcome,
): boolean | undefined {
  if ((result.result !== 'notified' && result.result !== 'started_since') || !result.processes) return undefined;
  const paths = sinksOf(sinks, name).map(({ path }) => path);
  const verdicts = result.processes.map((pid) => deps.readsShow(pid, paths));
  if (verdicts.includes(false)) return false;
  return verdicts.includes(undefined) ? undefined : true;
}
