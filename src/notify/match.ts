import type { ProcessMatch, SignalConsumer } from '../core/config.ts';
import type { Executable, ProcessHandle } from '../core/contracts.ts';
import { AgentError, isErrno, type ErrorInfo } from '../core/errors.ts';
import { openFile } from '../paths/policies.ts';
import { refuseContainers } from './container.ts';
import { keyOf, type NotifyDeps, type NotifyRequest } from './contract.ts';
import { fileOf } from './file.ts';
import { readPidFile, type PidFile } from './pid-file.ts';
import { allPids, assertProcessesVisible, readProcess, startedAfter, type ProcessFacts } from './proc.ts';

/** A process of a consumer, held by the kernel: its number cannot be given to another one meanwhile. */
export interface Match {
  readonly held: ProcessHandle;
  readonly facts: ProcessFacts;
  readonly executable: Seen;
  /** Why it cannot be told whether it is meant. */
  readonly doubt?: ErrorInfo;
}

/** Undefined for a process that is just ending, and for the kernel's threads. */
type Seen = Executable | 'hidden' | undefined;

export interface Found extends Disposable {
  readonly matches: readonly Match[];
  /** Why there are none. */
  readonly absence: string;
}

type Target = SignalConsumer['target'];

/**
 * The one finder: the processes that a consumer's signal is for. A pid file and a program that are both named must
 * agree. Rejects with what keeps them from being found.
 */
export async function match(
  deps: NotifyDeps,
  { pidFile, process: program }: Target,
  request: Pick<NotifyRequest, 'changedAt' | 'matched'>,
  abort: AbortSignal,
): Promise<Found> {
  assertProcessesVisible(deps.self);
  const wanted = program && (await wantedOf(deps, program, request.matched));
  if (pidFile === undefined) return wanted ? matchAll(deps, wanted) : found([], 'no target');
  const file = await readPidFile(deps, pidFile, abort);
  if (!file) return found([], `no ${pidFile}`);
  const pid = plausiblePid(pidFile, file);
  const seen = hold(deps, pid);
  try {
    if (!seen) {
      if (!wanted) refuseContainers(pidFile, pid);
      return found([], `pid ${pid} has ended`);
    }
    return found([agreeing(deps, { path: pidFile, file, wanted, request }, seen)], '');
  } catch (error) {
    seen?.held[Symbol.dispose]();
    throw error;
  }
}

function found(matches: readonly Match[], absence: string): Found {
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

/** Looked at when it is held: before, the number could change hands. */
export function hold(deps: NotifyDeps, pid: number): Match | undefined {
  const held = deps.processes.open(pid);
  const facts = held && readProcess(pid);
  if (held && facts?.isAlive) return { held, facts, executable: executableOf(deps, facts) };
  held?.[Symbol.dispose]();
  return undefined;
}

function executableOf(deps: NotifyDeps, { pid, owner }: ProcessFacts): Seen {
  try {
    return deps.processes.executable(pid, owner);
  } catch (error) {
    if (isErrno(error, 'EACCES')) return 'hidden';
    throw error;
  }
}

interface Wanted {
  readonly exe: string;
  /** Of the executable, with and without symlinks. */
  readonly paths: readonly string[];
  /** Device and inode, and owner, of what is at the path; undefined where only a user, or a network, could say. */
  readonly file: { readonly id: string; readonly uid: number } | undefined;
  readonly uid: number | undefined;
  readonly matched: readonly string[];
}

async function wantedOf(
  deps: NotifyDeps,
  { exe, user }: ProcessMatch,
  matched: readonly string[] = [],
): Promise<Wanted> {
  const uid = user === undefined ? undefined : (await deps.users.user(user))?.uid;
  if (user !== undefined && uid === undefined) {
    throw new AgentError('CONSUMER_FAILED', `process.user: expected a user of this machine, got ${user}`, {
      hint: 'create it, or correct the name in the configuration',
    });
  }
  using at = openFile('program', exe, { uid: deps.self.uid });
  if (at.kind !== 'file') return { exe, paths: [exe], file: undefined, uid, matched };
  const stat = at.held.stat();
  return { exe, paths: [exe, at.held.path], file: { id: fileOf(stat), uid: Number(stat.uid) }, uid, matched };
}

function matchAll(deps: NotifyDeps, wanted: Wanted): Found {
  const matches: Match[] = [];
  let hidden = 0;
  for (const pid of allPids()) {
    // A first look without holding it: nearly all are others.
    const facts = pid !== 1 && pid !== process.pid ? readProcess(pid) : undefined;
    if (!facts?.isAlive || !isCandidate(deps, facts, wanted.uid)) continue;
    const verdict = look(wanted, facts, executableOf(deps, facts));
    if (verdict === 'hidden') hidden += 1;
    if (verdict !== 'other' && verdict !== 'hidden') matches.push(...holdAgain(deps, wanted, pid));
  }
  if (matches.length === 0 && hidden > 0) throw uninspectable(wanted.exe, hidden);
  return found(matches, `no process runs ${wanted.exe} (that of a script runs its interpreter)`);
}

function holdAgain(deps: NotifyDeps, wanted: Wanted, pid: number): readonly Match[] {
  const seen = hold(deps, pid);
  if (!seen) return [];
  const verdict = isCandidate(deps, seen.facts, wanted.uid) ? look(wanted, seen.facts, seen.executable) : 'other';
  if (verdict === 'match') return [seen];
  if (typeof verdict === 'object') return [{ ...seen, doubt: verdict }];
  seen.held[Symbol.dispose]();
  return [];
}

/** Who is not root reaches nobody else's processes. */
function isCandidate(deps: NotifyDeps, { uids }: ProcessFacts, uid: number | undefined): boolean {
  if (deps.self.uid !== 0 && uids.real !== deps.self.uid && uids.saved !== deps.self.uid) return false;
  return uid === undefined || uids.effective === uid || uids.real === uid;
}

/** By device and inode, since anybody can show any path in a mount namespace. */
function look(wanted: Wanted, facts: ProcessFacts, executable: Seen): 'match' | 'other' | 'hidden' | ErrorInfo {
  if (executable === 'hidden') return facts.isKernelThread ? 'other' : 'hidden';
  if (!executable) return 'other';
  if (executable.file === wanted.file?.id) return 'match';
  // Not replaced: a program of that path in another mount namespace. What nobody can compare counts by its path.
  if (!wanted.paths.includes(executable.path) || (wanted.file && !executable.isReplaced)) return 'other';
  return lookAtReplaced(wanted, facts, executable);
}

/** What an upgrade has replaced is known to be meant if it is root's, of the named user, or was matched before. */
function lookAtReplaced(
  { exe, file, uid, matched }: Wanted,
  facts: ProcessFacts,
  executable: Executable,
): 'match' | 'other' | ErrorInfo {
  const isTrusted = facts.uids.real === 0 || uid !== undefined;
  if (isTrusted || matched.includes(`${executable.file}=${keyOf(facts)}`)) return 'match';
  // A stranger's own file: no upgrade has left it there.
  if (file && executable.uid !== file.uid) return 'other';
  return {
    code: 'CONSUMER_NOT_MEANT',
    message: `pid ${facts.pid}: expected to run ${exe}, got a replaced ${exe}, which anybody can show`,
    hint: 'restart it, or name its user: process: {exe, user}',
  };
}

function uninspectable(exe: string, hidden: number): AgentError {
  const message = `${exe}: expected to see what each process runs, got no permission for ${hidden} of them`;
  return new AgentError('CONSUMER_UNINSPECTABLE', message, {
    hint: 'name its user (process: {exe, user}), give a pid_file, or use type: systemd',
  });
}

interface Named {
  readonly path: string;
  readonly file: PidFile;
  readonly wanted: Wanted | undefined;
  readonly request: Pick<NotifyRequest, 'changedAt'>;
}

function agreeing(deps: NotifyDeps, { path, file, wanted, request }: Named, seen: Match): Match {
  refuseOthers(path, file, seen.facts);
  if (!startedAfter(deps, seen.facts, request.changedAt)) refuseReused(deps, path, file, seen.facts);
  if (!wanted) {
    refuseContainers(path, seen.facts.pid);
    return seen;
  }
  const own = file.user !== undefined && wanted.uid === undefined ? { ...wanted, uid: file.user } : wanted;
  const verdict = isCandidate(deps, seen.facts, own.uid) ? look(own, seen.facts, seen.executable) : 'other';
  if (verdict === 'match') return seen;
  if (typeof verdict === 'object') return { ...seen, doubt: verdict };
  const got = verdict === 'hidden' ? 'a program that is hidden from us' : (pathOf(seen) ?? 'none');
  throw notMeant(path, `got pid ${seen.facts.pid}, which is not ${wanted.exe}: ${got}`, 'see what writes the pid file');
}

/** 0 and negative numbers stand for groups of processes, 1 is everybody's parent. */
function plausiblePid(path: string, { pid }: PidFile): number {
  if (pid === undefined) throw notMeant(path, 'got something else than a number', 'see what writes the pid file');
  if (pid > 1 && pid !== process.pid) return pid;
  throw notMeant(path, `got the number ${pid}`, 'see what writes the pid file');
}

/** Whoever can write a pid file, or rename what leads to it, must not thereby reach processes of others. */
function refuseOthers(path: string, { user }: PidFile, facts: ProcessFacts): void {
  const { pid, uids } = facts;
  if (facts.isKernelThread || facts.isThread) throw notMeant(path, `got pid ${pid}, which is none`, 'remove it');
  if (user === undefined || Object.values(uids).every((uid) => uid === user)) return;
  throw notMeant(
    path,
    `got pid ${pid}, which is not a process of uid ${user}, to whom the path belongs`,
    'give the pid file and its directory to root, or name the program instead (process: {exe, user})',
  );
}

/** Granularity of file times and of the kernel's clock, and small corrections of the time; milliseconds. */
const SLACK = 2_000;

/** A process is older than the pid file that it wrote; one that is younger has inherited the number. */
function refuseReused(deps: NotifyDeps, path: string, file: PidFile, facts: ProcessFacts): void {
  const age = deps.clock.now() - file.writtenAt;
  if (facts.startedAt <= deps.readBootTime().sinceBoot - age + SLACK) return;
  throw notMeant(
    path,
    `got pid ${facts.pid}, which started after the file was written`,
    `if the program has ended, remove the file; if it runs and the clock was set since, touch ${path}`,
  );
}

function notMeant(path: string, got: string, hint: string): AgentError {
  return new AgentError('CONSUMER_NOT_MEANT', `${path}: expected the id of the consumer's process, ${got}`, { hint });
}
