import { constants } from 'node:os';
import type { SignalName } from '../core/config.ts';
import { AgentError, isErrno } from '../core/errors.ts';
import { runTool } from '../host/tool.ts';
import type { NotifyDeps } from './contract.ts';
import { isBlockedInAllThreads, type ProcessFacts } from './proc.ts';

/** What a signal would do: reach a handler, wait to be fetched by a thread, be dropped, or end the process. */
export type Reception = 'caught' | 'blocked' | 'dropped' | 'fatal';

/** Nothing happens to a process that does not handle these. */
const HARMLESS: ReadonlySet<SignalName> = new Set(['SIGCONT', 'SIGWINCH']);

export function receptionOf(facts: ProcessFacts, signal: SignalName): Reception {
  const bit = bitOf(signal);
  if (isCaught(facts, signal)) return 'caught';
  if (isBlockedInAllThreads(facts.pid, bit)) return 'blocked';
  return (facts.ignored & bit) !== 0n || HARMLESS.has(signal) ? 'dropped' : 'fatal';
}

export function isCaught(facts: ProcessFacts, signal: SignalName): boolean {
  return (facts.caught & bitOf(signal)) !== 0n;
}

function bitOf(signal: SignalName): bigint {
  return 1n << BigInt(constants.signals[signal] - 1);
}

/** Signals 35 to 64: no program has a use for all of them, but Go's runtime takes whatever there is. */
const REAL_TIME = ((1n << 30n) - 1n) << 34n;

/** How their libraries, or programs, are named in /proc/PID/maps. */
const RUNTIMES = { 'libjvm.so': 'Java', libruby: 'Ruby', '/bin/ruby': 'Ruby' } as const;

export const VOUCH =
  'if the program handles the signal, use type: signal with handles_signal: true; or have systemd reload or restart it';

/** Reading maps waits for a process that waits for a hung filesystem; milliseconds. */
const PATIENCE = 5_000;

/**
 * The runtime that makes a handler worthless as proof: Go, Java and Ruby catch most signals in every program, and by
 * default exit on them. Rejects with CONSUMER_UNINSPECTABLE when it cannot be found out.
 */
export async function doubtfulRuntime(
  deps: NotifyDeps,
  facts: ProcessFacts,
  signal: AbortSignal,
): Promise<string | undefined> {
  if ((facts.caught & REAL_TIME) === REAL_TIME) return 'Go';
  const maps = await searchMaps(deps, facts, signal);
  return Object.entries(RUNTIMES).find(([name]) => maps.includes(name))?.[1];
}

/**
 * A tool does it, with the identity of the process: that one may look where a confined root may not, and it can be
 * given up when it hangs.
 */
async function searchMaps(deps: NotifyDeps, { pid, owner }: ProcessFacts, signal: AbortSignal): Promise<string> {
  const names = Object.keys(RUNTIMES).flatMap((name) => ['-e', name]);
  const command = ['grep', '-a', '-o', '-m1', '-F', ...names, `/proc/${pid}/maps`];
  const identities = deps.self.uid === 0 && owner.uid !== 0 ? [{ ids: owner }, {}] : [{}];
  for (const identity of identities) {
    const run = runTool(deps, command, { timeout: PATIENCE, signal, ...identity });
    const result = await run.catch(unlessForbidden);
    if (result?.exitCode === 0) return result.output;
    if (result?.exitCode === 1) return '';
  }
  throw new AgentError('CONSUMER_UNINSPECTABLE', `pid ${pid}: expected to see what runs in it, got no permission`, {
    hint: VOUCH,
  });
}

/** A confined root may be able to look without being able to become somebody else. */
function unlessForbidden(error: unknown): undefined {
  if (isErrno(error, 'EPERM')) return undefined;
  throw error;
}
