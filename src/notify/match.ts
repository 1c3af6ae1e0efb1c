import * as fs from 'node:fs';
import { promisify } from 'node:util';
import type { ProcessMatch } from '../core/config.ts';
import { AgentError, isErrno } from '../core/errors.ts';
import type { NotifyDeps, TellResult } from './contract.ts';
import { allPids, readProcess, type ProcessFacts } from './proc.ts';
import { ended, sendTo, type Aim } from './send.ts';

const realpath = promisify(fs.realpath.native);

interface Wanted {
  /** Of the executable, as /proc shows it. */
  readonly paths: readonly string[];
  readonly uid: number | undefined;
}

/** Signals every process that runs an executable, but for those in `told`. */
export async function tellMatches(
  deps: NotifyDeps,
  match: ProcessMatch,
  aim: Aim,
  told: readonly string[],
): Promise<TellResult> {
  const wanted: Wanted = { paths: await pathsOf(match.exe), uid: await uidOf(deps, match) };
  const seen = allPids().map((pid) => ({ pid, verdict: look(deps, pid, wanted) }));
  const matches = seen.filter(({ verdict }) => verdict === 'match');
  if (matches.length === 0) return absent(match, seen.filter(({ verdict }) => verdict === 'hidden').length);
  const attempts: Attempt[] = [];
  for (const { pid } of matches) attempts.push(await tellMatch(deps, pid, wanted, { ...aim, told }));
  return summary(attempts, aim);
}

/** A program that was replaced on disk while it runs shows as deleted. */
async function pathsOf(exe: string): Promise<readonly string[]> {
  const real = await realpath(exe).catch(() => exe);
  return [exe, real].flatMap((path) => [path, `${path} (deleted)`]);
}

async function uidOf(deps: NotifyDeps, { user }: ProcessMatch): Promise<number | undefined> {
  if (user === undefined) return undefined;
  const ids = await deps.users.user(user);
  if (ids) return ids.uid;
  throw new AgentError('CONSUMER_FAILED', `process.user: expected a user of this machine, got ${user}`, {
    hint: 'create it, or correct the name in the configuration',
  });
}

/** `hidden`: nothing says which program it runs, so that it may be one of those that are wanted. */
function look(deps: NotifyDeps, pid: number, { paths, uid }: Wanted): 'match' | 'other' | 'hidden' {
  if (pid === 1 || pid === process.pid) return 'other';
  const own = executable(deps, pid);
  if (own !== 'hidden' && !paths.includes(own)) return 'other';
  const facts = readProcess(pid);
  if (!facts?.isAlive || !isCandidate(deps, facts, uid)) return 'other';
  const path = own === 'hidden' ? executable(deps, pid, facts) : own;
  if (path === 'hidden') return 'hidden';
  return paths.includes(path) ? 'match' : 'other';
}

/** A path, empty when there is none, or `hidden`. */
function executable(deps: NotifyDeps, pid: number, facts?: ProcessFacts): string {
  try {
    return deps.processes.executable(pid, facts?.owner ?? deps.self) ?? '';
  } catch (error) {
    if (isErrno(error, 'EACCES')) return 'hidden';
    throw error;
  }
}

/** Who is not root reaches nobody else's processes. */
function isCandidate(deps: NotifyDeps, { uids }: ProcessFacts, uid: number | undefined): boolean {
  if (deps.self.uid !== 0 && uids.real !== deps.self.uid && uids.saved !== deps.self.uid) return false;
  return uid === undefined || uids.effective === uid || uids.real === uid;
}

function absent({ exe }: ProcessMatch, hidden: number): TellResult {
  if (hidden === 0)
    return { result: 'absent', detail: `no process runs ${exe} (that of a script runs its interpreter)` };
  const message = `${exe}: expected to see what each process runs, got no permission for ${hidden} of them`;
  throw new AgentError('CONSUMER_UNINSPECTABLE', message, {
    hint: 'name its user (process: {exe, user}), give a pid_file, or use type: systemd',
  });
}

interface Attempt {
  /** Tells it from others that have the same number later. */
  readonly key: string;
  readonly result: TellResult;
}

async function tellMatch(
  deps: NotifyDeps,
  pid: number,
  wanted: Wanted,
  aim: Aim & { readonly told: readonly string[] },
): Promise<Attempt> {
  using held = deps.processes.open(pid);
  const facts = held && readProcess(pid);
  // Looked at again now that it is held: before, the number could change hands.
  if (!held || !facts || look(deps, pid, wanted) !== 'match') return { key: '', result: ended(pid) };
  const key = `${pid}@${facts.startedAt}`;
  if (aim.told.includes(key)) {
    return { key, result: { result: 'told', detail: `pid ${pid} was told before`, processes: [pid] } };
  }
  return { key, result: await sendTo(deps, held, facts, aim) };
}

/** Of the processes that are still to be told, so many are named. */
const MOST_NAMED = 20;

/** One that is still to be told keeps the consumer pending; the others are not told twice. */
function summary(attempts: readonly Attempt[], { signal }: Aim): TellResult {
  const told = attempts.filter(({ result }) => result.result === 'told');
  const [pending, ...others] = attempts.flatMap(({ result }) => (result.result === 'pending' ? result : []));
  if (pending) {
    const processes = [pending, ...others].flatMap((result) => result.processes ?? []).slice(0, MOST_NAMED);
    return { ...pending, told: told.map(({ key }) => key), processes };
  }
  if (told.length > 1) {
    const processes = told.flatMap(({ result }) => (result.result === 'told' ? (result.processes ?? []) : []));
    return { result: 'told', detail: `${signal} to ${told.length} processes`, processes };
  }
  const [only] = [...told, ...attempts.filter(({ result }) => result.result === 'fresh'), ...attempts];
  return only?.result ?? { result: 'absent', detail: 'no process' };
}
