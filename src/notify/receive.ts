import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { SignalName } from '../core/config.ts';
import type { BootTime, UserIds } from '../core/contracts.ts';
import { AgentError, isErrno, toErrorInfo, type ErrorInfo } from '../core/errors.ts';
import { runTool } from '../host/tool.ts';
import type { NotifyDeps } from './contract.ts';
import type { Match } from './match.ts';
import { isBlockedInAllThreads, liveThread, readProcess, startedAfter, type ProcessFacts } from './proc.ts';
import { MARKS, recognise, type Runtime } from './runtimes.ts';
import { restartBySupervisor } from './supervisor.ts';

export interface Aim {
  readonly signal: SignalName;
  /** The administrator vouches that it is handled, which cannot always be seen. A program that starts is spared still. */
  readonly handlesSignal: boolean;
  /** It is sent by what the author of a unit wrote: refused only where it would end the process for certain. */
  readonly isAuthors?: true;
  readonly changedAt?: BootTime | undefined;
  readonly abort: AbortSignal;
}

export type Verdict =
  | { readonly kind: 'send' | 'started_since' | 'ended' }
  | { readonly kind: 'later' | 'refused'; readonly error: ErrorInfo };

/** What a signal would do: reach a handler, wait to be fetched by a thread, be dropped, or end the process. */
type Reception = 'caught' | 'blocked' | 'dropped' | 'fatal';

/** Looking into a process waits for one that waits for a hung file system; milliseconds, for all of a consumer's. */
const PATIENCE = 5_000;

/** The one judgement: whether a process is to get a signal. Only an abort rejects. */
export async function receive(deps: NotifyDeps, { facts, doubt }: Match, aim: Aim): Promise<Verdict> {
  if (startedAfter(deps, facts, aim.changedAt)) return { kind: 'started_since' };
  if (doubt) return { kind: 'refused', error: doubt };
  try {
    const verdict = await afterLooks(deps, facts.pid, aim);
    if (verdict.kind === 'send' && !aim.handlesSignal) await refuseDoubt(deps, facts, aim);
    return verdict;
  } catch (error) {
    aim.abort.throwIfAborted();
    return { kind: 'refused', error: toErrorInfo(error, 'CONSUMER_FAILED') };
  }
}

/** Milliseconds, on average. */
const BETWEEN_LOOKS = 40;
const LOOKS = 6;

/** Programs block signals for a moment for reasons of their own: only a block that lasts is a thread's that fetches them. */
async function afterLooks(deps: NotifyDeps, pid: number, aim: Aim): Promise<Verdict> {
  for (let looks = 1; ; looks++) {
    const verdict = lastLook(deps, pid, aim);
    if (verdict.kind !== 'send' || !verdict.isBlocked || looks === LOOKS) return verdict;
    await delay(BETWEEN_LOOKS * (0.5 + Math.random()), undefined, { signal: aim.abort });
  }
}

/** Comes after all waiting, right before the signal: a program that executes another one loses its handlers. */
export function lastLook(deps: NotifyDeps, pid: number, aim: Aim): Verdict & { readonly isBlocked?: boolean } {
  const facts = readProcess(pid);
  if (!facts?.isAlive) return { kind: 'ended' };
  const reception = receptionOf(facts, aim.signal);
  if (reception === 'caught' || reception === 'blocked') return { kind: 'send', isBlocked: reception === 'blocked' };
  const isStarting = deps.readBootTime().sinceBoot - facts.startedAt < STARTING;
  if (reception === 'dropped' && aim.isAuthors) return { kind: 'send' };
  if (reception === 'fatal' && aim.handlesSignal && !isStarting) return { kind: 'send' };
  return { kind: isStarting ? 'later' : 'refused', error: refusal(facts, aim.signal, reception) };
}

/** A program that is younger may not have installed its handlers yet, even if it has some; milliseconds. */
const STARTING = 60_000;

const REFUSALS = {
  fatal: ['CONSUMER_WOULD_DIE', 'the signal would end it'],
  dropped: ['CONSUMER_IGNORES', 'it would not notice'],
} as const;

function refusal(facts: ProcessFacts, signal: SignalName, reception: 'fatal' | 'dropped'): ErrorInfo {
  const [code, consequence] = REFUSALS[reception];
  const message = `pid ${facts.pid}: expected a handler for ${signal}, got none: ${consequence}`;
  if (reception === 'dropped') {
    return { code, message, hint: 'name a signal on which the program reads its files again' };
  }
  const restart = restartBySupervisor(facts.parent) ?? 'have systemd restart it (type: systemd)';
  const hint = `${restart}; or, if a thread of it waits for the signal with sigwait, say handles_signal: true`;
  return { code, message, hint };
}

/** Nothing happens to a process that does not handle these. */
const HARMLESS: ReadonlySet<SignalName> = new Set(['SIGCONT', 'SIGWINCH']);

function receptionOf(facts: ProcessFacts, signal: SignalName): Reception {
  const bit = bitOf(signal);
  if (isCaught(facts, signal)) return 'caught';
  if (isBlockedInAllThreads(facts.pid, bit)) return 'blocked';
  return (facts.ignored & bit) !== 0n || HARMLESS.has(signal) ? 'dropped' : 'fatal';
}

function isCaught(facts: ProcessFacts, signal: SignalName): boolean {
  return (facts.caught & bitOf(signal)) !== 0n;
}

function bitOf(signal: SignalName): bigint {
  return 1n << BigInt(constants.signals[signal] - 1);
}

/** A handler proves nothing in a runtime that has one of its own, and in a program that passes the signal on. */
async function refuseDoubt(deps: NotifyDeps, facts: ProcessFacts, aim: Aim): Promise<void> {
  const { signal, isAuthors } = aim;
  const runtime = await runtimeOf(deps, facts, aim.abort);
  const effect = runtime?.signals[signal];
  if (!runtime || effect === undefined || (isAuthors && !runtime.isWrapper)) return;
  const message = `pid ${facts.pid}: expected a program that handles ${signal}, got ${runtime.name}, which ${effect}`;
  const restart = restartBySupervisor(facts.parent) ?? 'have systemd reload or restart it (type: systemd)';
  throw new AgentError('CONSUMER_WOULD_DIE', message, {
    hint: `${restart}; if the program handles the signal all the same, say handles_signal: true`,
  });
}

async function runtimeOf(deps: NotifyDeps, facts: ProcessFacts, abort: AbortSignal): Promise<Runtime | undefined> {
  return recognise(facts, await searchMarks(deps, facts, abort));
}

/**
 * A tool does it, with the identity of the process: that one may look where a confined root may not, and it can be
 * given up when it hangs. Rejects with CONSUMER_UNINSPECTABLE.
 */
async function searchMarks(deps: NotifyDeps, { pid, owner }: ProcessFacts, signal: AbortSignal): Promise<string> {
  const marks = MARKS.flatMap((mark) => ['-e', mark]);
  const task = `/proc/${pid}/task/${liveThread(pid)}`;
  const command = ['grep', '-a', '-h', '-o', '-F', ...marks, `${task}/maps`, `${task}/exe`];
  const identities: { readonly ids?: UserIds }[] = [{}];
  if (deps.self.uid === 0 && owner.uid !== 0) identities.unshift({ ids: owner });
  for (const identity of identities) {
    const run = runTool(deps, command, { timeout: PATIENCE, signal, ...identity });
    const result = await run.catch(unlessForbidden);
    if (result?.exitCode === 0) return result.output;
    if (result?.exitCode === 1) return '';
    if (result?.timedOut) break;
  }
  throw new AgentError('CONSUMER_UNINSPECTABLE', `pid ${pid}: expected to see what runs in it, got no answer`, {
    hint: 'have systemd reload or restart it; or, if the program handles the signal, say handles_signal: true',
  });
}

/** A confined root may be able to look without being able to become somebody else. */
function unlessForbidden(error: unknown): undefined {
  if (isErrno(error, 'EPERM')) return undefined;
  throw error;
}
