import { readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { attempt, AgentError, isErrno, toErrorInfo, type ErrorInfo } from '../core/errors.ts';
import type { SignalName } from '../core/config.ts';
import type { BootTime, UserIds } from '../core/contracts.ts';
import { printable } from '../core/printable.ts';
import type { ProspectiveProcess } from '../core/outcomes.ts';
import { runTool } from '../host/tool.ts';
import { keyOf, type NotifyDeps } from './contract.ts';
import { pathOf, type Match } from './match.ts';
import { isBlockedInAllThreads, liveThread, readProcess, startedAfter, type ProcessFacts } from './proc.ts';
import { MARKS, recognise } from './runtimes.ts';

export interface Aim {
  readonly signal: SignalName;
  /** The administrator vouches for a handler, which is not always visible. A program that just starts is spared all the same. */
  readonly handlesSignal: boolean;
  /** ExecReload= of a unit sends it: refused only where it would certainly end the process. */
  readonly isAuthors?: true;
  readonly changedAt?: BootTime | undefined;
  readonly notified?: readonly string[] | undefined;
}

export interface JudgedMatch {
  readonly match: Match;
  readonly verdict: Verdict;
}

export type Verdict =
  | { readonly kind: 'send' | 'notified' | 'started_since' | 'ended' }
  | { readonly kind: 'later' | 'refused'; readonly error: ErrorInfo };

/** The effect of a signal: it reaches a handler, waits for a thread to fetch it, is dropped, or ends the process. */
type Reception = 'caught' | 'blocked' | 'dropped' | 'fatal';

/** For all processes of a consumer: looking into a process hangs if a file system that it uses hangs. */
const PATIENCE_MS = 5_000;

interface Until {
  /** By `performance.now()`. */
  readonly deadline: number;
  readonly abort: AbortSignal;
}

/**
 * The one judgement: whether each process is to get its signal. In parallel and with one deadline, so that a hanging
 * process delays no other. Only an abort rejects.
 */
export async function receive(
  deps: NotifyDeps,
  aimed: readonly { readonly match: Match; readonly aim: Aim }[],
  abort: AbortSignal,
): Promise<readonly JudgedMatch[]> {
  const until = { deadline: performance.now() + PATIENCE_MS, abort };
  return await Promise.all(
    aimed.map(async ({ match, aim }) => ({ match, verdict: await judge(deps, match, aim, until) })),
  );
}

async function judge(deps: NotifyDeps, { facts, doubt }: Match, aim: Aim, until: Until): Promise<Verdict> {
  if (aim.notified?.includes(keyOf(facts))) return { kind: 'notified' };
  if (startedAfter(deps, facts, aim.changedAt)) return { kind: 'started_since' };
  if (doubt) return { kind: 'refused', error: doubt };
  try {
    const verdict = await afterLooks(deps, facts.pid, aim, until.abort);
    if (verdict.kind === 'send' && !aim.handlesSignal) await refuseDoubt(deps, facts, aim, until);
    return verdict;
  } catch (error) {
    until.abort.throwIfAborted();
    return { kind: 'refused', error: toErrorInfo(error, 'CONSUMER_FAILED') };
  }
}

/** On average. */
const BETWEEN_LOOKS_MS = 40;
const LOOKS = 6;

/** Programs block signals for moments: only where the block lasts does a thread fetch them. */
async function afterLooks(deps: NotifyDeps, pid: number, aim: Aim, signal: AbortSignal): Promise<Verdict> {
  for (let looks = 1; ; looks++) {
    const verdict = lastLook(deps, pid, aim);
    if (verdict.kind !== 'send' || !verdict.isBlocked || looks === LOOKS) return verdict;
    await delay(BETWEEN_LOOKS_MS * (0.5 + Math.random()), undefined, { signal });
  }
}

/** Called after all waiting, right before the signal: a program that executes another one loses its handlers. */
export function lastLook(deps: NotifyDeps, pid: number, aim: Aim): Verdict & { readonly isBlocked?: boolean } {
  const facts = readProcess(pid);
  if (!facts?.isAlive) return { kind: 'ended' };
  const reception = receptionOf(facts, aim.signal);
  if (reception === 'caught' || reception === 'blocked') return { kind: 'send', isBlocked: reception === 'blocked' };
  const isStarting = deps.readBootTime().sinceBoot - facts.startedAt < STARTING_MS;
  if (reception === 'dropped' && aim.isAuthors) return { kind: 'send' };
  if (reception === 'fatal' && aim.handlesSignal && !isStarting) return { kind: 'send' };
  return { kind: isStarting ? 'later' : 'refused', error: refusal(facts, aim.signal, reception) };
}

/** A younger program may not have installed all its handlers yet. */
const STARTING_MS = 60_000;

function refusal(facts: ProcessFacts, signal: SignalName, reception: 'fatal' | 'dropped'): ErrorInfo {
  const message = `pid ${facts.pid}: expected a handler for ${signal}, got none`;
  if (reception === 'dropped') {
    const hint = 'name a signal on which the program reads its files again';
    return { code: 'CONSUMER_IGNORES', message: `${message}: it would not notice`, hint };
  }
  const restart = restartOf(facts, 'have systemd restart it (type: systemd)');
  const hint = `${restart}; or, if a thread of it waits for the signal with sigwait, say handles_signal: true`;
  return { code: 'CONSUMER_WOULD_DIE', message: `${message}: the signal would end it`, hint };
}

/** A process that does not handle these ignores them. */
const HARMLESS: ReadonlySet<SignalName> = new Set(['SIGCONT', 'SIGWINCH']);

function receptionOf({ pid, caught, ignored }: ProcessFacts, signal: SignalName): Reception {
  const bit = 1n << BigInt(constants.signals[signal] - 1);
  if ((caught & bit) !== 0n) return 'caught';
  if (isBlockedInAllThreads(pid, bit)) return 'blocked';
  return (ignored & bit) !== 0n || HARMLESS.has(signal) ? 'dropped' : 'fatal';
}

/** A handler proves nothing in a runtime that installs its own, or in a program that passes the signal on. */
async function refuseDoubt(deps: NotifyDeps, facts: ProcessFacts, aim: Aim, until: Until): Promise<void> {
  const { signal, isAuthors } = aim;
  const runtime = recognise(facts, await searchMarks(deps, facts, until));
  const effect = runtime?.signals[signal];
  if (!runtime || effect === undefined || (isAuthors && !runtime.isWrapper)) return;
  const message = `pid ${facts.pid}: expected a program that handles ${signal}, got ${runtime.name}, which ${effect}`;
  const restart = restartOf(facts, 'have systemd reload or restart it (type: systemd)');
  throw new AgentError('CONSUMER_WOULD_DIE', message, {
    hint: `${restart}; if the program handles the signal all the same, say handles_signal: true`,
  });
}

/**
 * Runs a tool with the identity of the process, which may look where a confined root may not, and which can be abandoned
 * when it hangs. Rejects with CONSUMER_UNINSPECTABLE.
 */
async function searchMarks(
  deps: NotifyDeps,
  { pid, owner }: ProcessFacts,
  { deadline, abort }: Until,
): Promise<string> {
  const marks = MARKS.flatMap((mark) => ['-e', mark]);
  const task = `/proc/${pid}/task/${liveThread(pid)}`;
  const command = ['grep', '-a', '-h', '-o', '-F', ...marks, `${task}/maps`, `${task}/exe`];
  const identities: { readonly ids?: UserIds }[] = [{}];
  if (deps.self.uid === 0 && owner.uid !== 0) identities.unshift({ ids: owner });
  for (const identity of identities) {
    const timeoutMs = Math.ceil(deadline - performance.now());
    if (timeoutMs <= 0) break;
    const run = runTool(deps, command, { timeoutMs, signal: abort, ...identity });
    const result = await run.catch(unlessForbidden);
    if (result?.exitCode === 0) return result.output;
    if (result?.exitCode === 1) return '';
  }
  throw new AgentError('CONSUMER_UNINSPECTABLE', `pid ${pid}: expected to see what runs in it, got no answer`, {
    hint: 'have systemd reload or restart it; or, if the program handles the signal, say handles_signal: true',
  });
}

/** A confined root may have the right to look, but not to become another user. */
function unlessForbidden(error: unknown): undefined {
  if (isErrno(error, 'EPERM')) return undefined;
  throw error;
}

/** The command that restarts a service, by the name of its supervisor, which runs in the service's directory. */
const SUPERVISORS: Readonly<Record<string, (directory: string) => readonly string[]>> = {
  runsv: (directory) => ['/usr/bin/sv', 'restart', directory],
  's6-supervise': (directory) => ['/usr/bin/s6-svc', '-r', directory],
  supervise: (directory) => ['/usr/bin/svc', '-t', directory],
  supervisord: () => ['/usr/bin/supervisorctl', 'restart', 'NAME'],
};

/** For a hint: a consumer to copy, if the parent of the process is a known supervisor. */
function restartOf({ parent }: ProcessFacts, otherwise: string): string {
  const { name = '', uids } = readProcess(parent) ?? {};
  const line = SUPERVISORS[name]?.(directoryOf(parent)).join(', ');
  if (line === undefined) return otherwise;
  const user = uids?.real ? `user: ${uids.real}, ` : '';
  return `have ${name} restart it: { type: exec, ${user}command: [${line}], when: expiring }`;
}

function directoryOf(pid: number): string {
  return attempt(() => JSON.stringify(printable(readlinkSync(`/proc/${pid}/cwd`))), 'DIRECTORY');
}

export function described({ match, verdict }: JudgedMatch): ProspectiveProcess {
  const path = pathOf(match);
  return {
    pid: match.facts.pid,
    ...(path !== undefined && { program: basename(path) }),
    ...('error' in verdict && { error: verdict.error }),
  };
}
