import { onErrno, AgentError, type ErrorInfo } from '../core/errors.ts';
import type { ProcessMatch, SignalConsumer } from '../core/config.ts';
import type { Executable, ProcessHandle } from '../core/contracts.ts';
import { openFile } from '../paths/policies.ts';
import { keyOf, userNamed, type NotifyDeps, type NotifyRequest } from './contract.ts';
import { notMeant, readPidFile, refuseContainers, refuseOthers, refuseReused, type PidFile } from './pid-file.ts';
import { allPids, assertProcessesVisible, fileOf, readProcess, startedAfter, type ProcessFacts } from './proc.ts';

/** A process of a consumer with an open pidfd, so that its pid cannot be reused meanwhile. */
export interface Match {
  readonly held: ProcessHandle;
  readonly facts: ProcessFacts;
  readonly executable: VisibleExecutable;
  /** Why it is unknown whether this process belongs to the consumer. */
  readonly doubt?: ErrorInfo;
}

/** Undefined for a process that is just ending, and for kernel threads. */
type VisibleExecutable = Executable | 'hidden' | undefined;

export interface Found extends Disposable {
  readonly matches: readonly Match[];
  readonly absence: string;
}

type SignalTarget = SignalConsumer['target'];

/**
 * The one finder: the processes that a consumer's signal is for. If a pid file and a program are both named, they must
 * agree. Rejects with the reason if they cannot be found.
 */
export async function match(
  deps: NotifyDeps,
  { pidFile, process: program }: SignalTarget,
  { changedAt, matched }: Pick<NotifyRequest, 'changedAt' | 'matched'>,
  abort: AbortSignal,
): Promise<Found> {
  assertProcessesVisible(deps.self);
  const wanted = program && (await wantedOf(deps, program, matched));
  if (pidFile === undefined) return wanted ? matchAll(deps, wanted) : foundProcesses([], 'no target');
  const file = await readPidFile(deps, pidFile, abort);
  if (!file) return foundProcesses([], `no ${pidFile}`);
  const seen = hold(deps, file.pid);
  try {
    // Without an executable to compare, a pid that was written in a container may be another process here.
    if (!wanted) refuseContainers(file);
    if (!seen) return foundProcesses([], `pid ${file.pid} has ended`);
    refuseOthers(file, seen.facts);
    // A process that started after the change needs no notification, whichever it is.
    if (!startedAfter(deps, seen.facts, changedAt)) refuseReused(deps, file, seen.facts);
    return foundProcesses([wanted ? agreeing(deps, file, wanted, seen) : seen], '');
  } catch (error) {
    seen?.held[Symbol.dispose]();
    throw error;
  }
}

function foundProcesses(matches: readonly Match[], absence: string): Found {
  return {
    matches,
    absence,
    [Symbol.dispose]() {
      for (const { held } of matches) held[Symbol.dispose]();
    },
  };
}

/** Undefined where it is hidden. */
export function pathOf({ executable }: Match): string | undefined {
  return typeof executable === 'object' ? executable.path : undefined;
}

/** Held first, then looked at: an unheld number could be reused. */
export function hold(deps: NotifyDeps, pid: number): Match | undefined {
  const held = deps.processes.open(pid);
  const facts = held && readProcess(pid);
  if (held && facts?.isAlive) return { held, facts, executable: executableOf(deps, facts) };
  held?.[Symbol.dispose]();
  return undefined;
}

function executableOf(deps: NotifyDeps, { pid, owner }: ProcessFacts): VisibleExecutable {
  return onErrno(['EACCES'], 'hidden', () => deps.processes.executable(pid, owner));
}

interface Wanted {
  readonly exe: string;
  /** Paths of the executable, with and without symlinks. */
  readonly paths: readonly string[];
  /** The file at the path, by device and inode, and its owner; undefined where only a user, or a network, could say. */
  readonly file: { readonly id: string; readonly uid: number } | undefined;
  readonly uid: number | undefined;
  readonly matched: readonly string[];
}

async function wantedOf(
  deps: NotifyDeps,
  { exe, user }: ProcessMatch,
  matched: readonly string[] = [],
): Promise<Wanted> {
  const uid = user === undefined ? undefined : (await userNamed(deps, 'process.user', user)).uid;
  using at = openFile('program', exe, { uid: deps.self.uid });
  if (at.kind !== 'file') return { exe, paths: [exe], file: undefined, uid, matched };
  const stat = at.held.stat();
  return { exe, paths: [exe, at.held.path], file: { id: fileOf(stat), uid: Number(stat.uid) }, uid, matched };
}

function matchAll(deps: NotifyDeps, wanted: Wanted): Found {
  const matches: Match[] = [];
  let hidden = 0;
  for (const pid of allPids()) {
    // The first look does not hold it: nearly all are others.
    const facts = pid !== 1 && pid !== process.pid ? readProcess(pid) : undefined;
    if (!facts?.isAlive || !isCandidate(deps, facts, wanted.uid)) continue;
    const verdict = look(wanted, facts, executableOf(deps, facts));
    if (verdict === 'hidden') hidden += 1;
    if (verdict !== 'other' && verdict !== 'hidden') matches.push(...holdAgain(deps, wanted, pid));
  }
  if (matches.length === 0 && hidden > 0) throw uninspectable(wanted.exe, hidden);
  return foundProcesses(
    matches,
    `no process runs ${wanted.exe} (the process of a script runs its interpreter: use a pid_file or type: systemd)`,
  );
}

function holdAgain(deps: NotifyDeps, wanted: Wanted, pid: number): readonly Match[] {
  const seen = hold(deps, pid);
  const compared = seen && compare(deps, wanted, seen);
  if (typeof compared === 'object') return [compared];
  seen?.held[Symbol.dispose]();
  return [];
}

/** The process if it is wanted, with any doubt of that. */
function compare(deps: NotifyDeps, wanted: Wanted, seen: Match): Match | 'other' | 'hidden' {
  const verdict = isCandidate(deps, seen.facts, wanted.uid) ? look(wanted, seen.facts, seen.executable) : 'other';
  if (verdict === 'match') return seen;
  return typeof verdict === 'object' ? { ...seen, doubt: verdict } : verdict;
}

/** Without root, only our own processes can be reached. */
function isCandidate(deps: NotifyDeps, { uids }: ProcessFacts, uid: number | undefined): boolean {
  if (deps.self.uid !== 0 && uids.real !== deps.self.uid && uids.saved !== deps.self.uid) return false;
  return uid === undefined || uids.effective === uid || uids.real === uid;
}

/** Compares device and inode, since anybody can show any path in a mount namespace. */
function look(
  wanted: Wanted,
  facts: ProcessFacts,
  executable: VisibleExecutable,
): 'match' | 'other' | 'hidden' | ErrorInfo {
  if (executable === 'hidden') return facts.isKernelThread ? 'other' : 'hidden';
  if (!executable) return 'other';
  if (executable.file === wanted.file?.id) return 'match';
  // Not replaced: a program of that path in another mount namespace. Only what cannot be compared counts by its path.
  if (!wanted.paths.includes(executable.path) || (wanted.file && !executable.isReplaced)) return 'other';
  return lookAtReplaced(wanted, facts, executable);
}

/**
 * A program that an upgrade has replaced belongs to the consumer if it runs as root or the named user, or was matched
 * before.
 */
function lookAtReplaced(
  { exe, file, uid, matched }: Wanted,
  facts: ProcessFacts,
  executable: Executable,
): 'match' | 'other' | ErrorInfo {
  const isTrusted = facts.uids.real === 0 || uid !== undefined;
  if (isTrusted || matched.includes(`${executable.file}=${keyOf(facts)}`)) return 'match';
  // A file of another owner: no upgrade has left it there.
  if (file && executable.uid !== file.uid) return 'other';
  return {
    code: 'CONSUMER_MISMATCH',
    message: `pid ${facts.pid}: expected to run ${exe}, got a deleted ${exe}: the version before an upgrade, or a program that imitates it`,
    hint: 'restart it, or name the user that it runs as: process: {exe, user}',
  };
}

function uninspectable(exe: string, hidden: number): AgentError {
  const message = `${exe}: expected to see what each process runs, got no permission to inspect ${hidden} of them`;
  return new AgentError('CONSUMER_UNINSPECTABLE', message, {
    hint: 'name its user (process: {exe, user}), give a pid_file, or use type: systemd',
  });
}

function agreeing(deps: NotifyDeps, { path, user }: PidFile, wanted: Wanted, seen: Match): Match {
  const compared = compare(deps, { ...wanted, uid: wanted.uid ?? user }, seen);
  if (typeof compared === 'object') return compared;
  const got = compared === 'hidden' ? 'a program that is hidden from us' : (pathOf(seen) ?? 'none');
  throw notMeant(path, `got pid ${seen.facts.pid}, which is not ${wanted.exe}: ${got}`, 'see what writes the pid file');
}
