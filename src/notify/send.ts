import { setTimeout as delay } from 'node:timers/promises';
import type { SignalName } from '../core/config.ts';
import type { BootTime, ProcessHandle } from '../core/contracts.ts';
import { AgentError, isErrno, toErrorInfo } from '../core/errors.ts';
import type { NotifyDeps, NotifyResult } from './contract.ts';
import { readProcess, type ProcessFacts } from './proc.ts';
import { VOUCH, doubtfulRuntime, isCaught, receptionOf, type Reception } from './reception.ts';

export interface Aim {
  readonly signal: SignalName;
  /** The administrator vouches that it is handled, which cannot always be seen. A program that starts is spared still. */
  readonly handlesSignal: boolean;
  readonly changedAt?: BootTime | undefined;
  readonly abort: AbortSignal;
}

/** A program that is younger may not have installed its handlers yet, even if it has some; milliseconds. */
const STARTING = 60_000;

const REFUSALS = {
  fatal: [
    'CONSUMER_WOULD_DIE',
    'the signal would end it',
    'have systemd restart it; or, if a thread of it waits for the signal with sigwait, say handles_signal: true',
  ],
  dropped: ['CONSUMER_IGNORES', 'it would not notice', 'name a signal on which the program reads its files again'],
} as const;

/** Signals a process that is known to be the one that is meant, unless the signal would end it. Only an abort rejects. */
export async function sendTo(
  deps: NotifyDeps,
  held: ProcessHandle,
  facts: ProcessFacts,
  aim: Aim,
): Promise<NotifyResult> {
  return await naming(deps, facts, aim.abort, () => attempt(deps, held, facts, aim));
}

/** Names the process that knows what stands, or that goes on with what it read before. Only an abort rejects. */
export async function naming(
  deps: NotifyDeps,
  facts: ProcessFacts | undefined,
  abort: AbortSignal,
  attempt: () => Promise<NotifyResult>,
): Promise<NotifyResult> {
  const result = await attempt().catch((error: unknown): NotifyResult => {
    abort.throwIfAborted();
    return { result: 'pending', kind: 'refused', error: toErrorInfo(error, 'CONSUMER_FAILED') };
  });
  if (!facts?.isAlive) return result;
  if (result.result === 'notified' || result.result === 'started_since') return { ...result, processes: [facts.pid] };
  if (result.result !== 'pending') return result;
  const age = deps.readBootTime().sinceBoot - facts.startedAt;
  return { ...result, processes: [{ pid: facts.pid, startedAt: Math.round(deps.clock.now() - age) }] };
}

async function attempt(deps: NotifyDeps, held: ProcessHandle, facts: ProcessFacts, aim: Aim): Promise<NotifyResult> {
  const { pid } = held;
  if (startedAfter(deps, facts, aim.changedAt))
    return { result: 'started_since', detail: `pid ${pid} started after the change` };
  if (!aim.handlesSignal && isCaught(facts, aim.signal)) await refuseDoubt(deps, facts, aim);
  const obstacle = await lastLook(deps, pid, aim);
  if (obstacle) return obstacle;
  return deliver(held, aim.signal) ? { result: 'notified', detail: `${aim.signal} to pid ${pid}` } : ended(pid);
}

/** Milliseconds, on average. */
const BETWEEN_LOOKS = 40;
const LOOKS = 6;

/**
 * Comes after all waiting: a program that executes another one loses its handlers. Programs block signals for a moment
 * for reasons of their own: only a block that lasts is a thread's that fetches the signal.
 */
async function lastLook(deps: NotifyDeps, pid: number, aim: Aim): Promise<NotifyResult | undefined> {
  for (let looks = 1; ; looks++) {
    const now = readProcess(pid);
    if (!now?.isAlive) return ended(pid);
    const reception = receptionOf(now, aim.signal);
    const obstacle = obstacleTo(deps, now, { ...aim, reception });
    if (obstacle || reception !== 'blocked' || looks === LOOKS) return obstacle;
    await delay(BETWEEN_LOOKS * (0.5 + Math.random()), undefined, { signal: aim.abort });
  }
}

export function ended(pid: number): NotifyResult {
  return { result: 'not_running', detail: `pid ${pid} has ended` };
}

export function startedAfter(deps: NotifyDeps, facts: ProcessFacts, changedAt: BootTime | undefined): boolean {
  if (!changedAt) return false;
  return changedAt.bootId !== deps.readBootTime().bootId || facts.startedAt > changedAt.sinceBoot;
}

async function refuseDoubt(deps: NotifyDeps, facts: ProcessFacts, { signal, abort }: Aim): Promise<void> {
  const runtime = await doubtfulRuntime(deps, facts, abort);
  if (runtime === undefined) return;
  const message =
    `pid ${facts.pid}: expected a program that handles ${signal}, ` +
    `got one in ${runtime}, which catches it in every program and by default exits`;
  throw new AgentError('CONSUMER_WOULD_DIE', message, { hint: VOUCH });
}

function obstacleTo(
  deps: NotifyDeps,
  facts: ProcessFacts,
  { reception, ...aim }: Aim & { readonly reception: Reception },
): NotifyResult | undefined {
  if (reception === 'caught' || reception === 'blocked') return undefined;
  const isStarting = deps.readBootTime().sinceBoot - facts.startedAt < STARTING;
  if (reception === 'fatal' && aim.handlesSignal && !isStarting) return undefined;
  const [code, consequence, hint] = REFUSALS[reception];
  return {
    result: 'pending',
    kind: isStarting ? 'later' : 'refused',
    error: { code, message: `pid ${facts.pid}: expected a handler for ${aim.signal}, got none: ${consequence}`, hint },
  };
}

/** False when it has ended. */
function deliver(held: ProcessHandle, signal: SignalName): boolean {
  try {
    return held.signal(signal);
  } catch (error) {
    if (!isErrno(error, 'EPERM')) throw error;
    throw new AgentError('CONSUMER_FAILED', `pid ${held.pid}: expected to be allowed to signal it, got EPERM`, {
      hint: 'run the agent as root, or as the user of the process',
      cause: error,
    });
  }
}
