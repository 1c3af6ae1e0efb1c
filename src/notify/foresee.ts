import { basename } from 'node:path';
import type { SignalConsumer, SignalName } from '../core/config.ts';
import { isErrno } from '../core/errors.ts';
import type { NotifyDeps } from './contract.ts';
import { readPidFile } from './pid-file.ts';
import { allPids, readProcess, type ProcessFacts } from './proc.ts';
import { doubtfulRuntime, receptionOf, type Reception } from './reception.ts';

/** A process that would be notified, and what would become of it. */
export interface Foreseen {
  readonly pid: number;
  /** The last part of its executable's path; undefined where that is hidden. */
  readonly program?: string;
  readonly reception?: { readonly signal: SignalName; readonly effect: Reception };
  /** A runtime that makes a handler worthless as proof. */
  readonly runtime?: string;
}

/** The processes that a consumer's signal is for. Signals none. Rejects with what keeps them from being found. */
export async function foreseeSignal(
  deps: NotifyDeps,
  { target, signal, handlesSignal }: Pick<SignalConsumer, 'target' | 'signal' | 'handlesSignal'>,
  abort: AbortSignal,
): Promise<readonly Foreseen[]> {
  const pids = 'pidFile' in target ? await fromFile(deps, target.pidFile, abort) : running(deps, target.process.exe);
  const found = await Promise.all(pids.map((pid) => foresee(deps, pid, handlesSignal ? undefined : signal, abort)));
  return found.flatMap((one) => one ?? []);
}

/** What one process runs, and what a signal would do to it. Undefined when it has ended. */
export async function foresee(
  deps: NotifyDeps,
  pid: number,
  signal: SignalName | undefined,
  abort: AbortSignal,
): Promise<Foreseen | undefined> {
  const facts = readProcess(pid);
  if (!facts?.isAlive) return undefined;
  const path = executable(deps, facts);
  const program = path === undefined ? {} : { program: basename(path.replace(/ \(deleted\)$/, '')) };
  if (signal === undefined) return { pid, ...program };
  const effect = receptionOf(facts, signal);
  const runtime = effect === 'caught' ? await doubtfulRuntime(deps, facts, abort) : undefined;
  return { pid, ...program, reception: { signal, effect }, ...(runtime !== undefined && { runtime }) };
}

async function fromFile(deps: NotifyDeps, path: string, abort: AbortSignal): Promise<readonly number[]> {
  const file = await readPidFile(deps, path, abort);
  return file?.pid === undefined ? [] : [file.pid];
}

function running(deps: NotifyDeps, exe: string): readonly number[] {
  return allPids().filter((pid) => {
    const facts = readProcess(pid);
    const path = facts && executable(deps, facts);
    return path === exe || path === `${exe} (deleted)`;
  });
}

function executable(deps: NotifyDeps, { pid, owner }: ProcessFacts): string | undefined {
  try {
    return deps.processes.executable(pid, owner);
  } catch (error) {
    if (isErrno(error, 'EACCES')) return undefined;
    throw error;
  }
}
