import * as fs from 'node:fs';
import { promisify } from 'node:util';
import type { ProcessMatch } from '../core/config.ts';
import { AgentError, isErrno } from '../core/errors.ts';
import type { NotifyDeps, NotifyResult } from './contract.ts';
import { allPids, readProcess, type ProcessFacts } from './proc.ts';
import { ended, sendTo, type Aim } from './send.ts';

const realpath = promisify(fs.realpath.native);

interface Wanted {
  /** Of the executable, as /proc shows it. */
  readonly paths: readonly string[];
  readonly uid: number | undefined;
}

/** Signals every process that runs an executable, but for those in `notified`. */
export async function notifyMatches(
  deps: NotifyDeps,
  match: ProcessMatch,
  aim: Aim,
  notified: readonly string[],
): Promise<NotifyResult> {
  const wanted: Wanted = { paths: await pathsOf(match.exe), uid: await uidOf(deps, match) };
  const seen = allPids().map((pid) => ({ pid, verdict: look(deps, pid, wanted) }));
  const matches = seen.filter(({ verdict }) => verdict === 'match');
  if (matches.length === 0) return absent(match, seen.filter(({ verdict }) => verdict === 'hidden').length);
  const attempts: Attempt[] = [];
  for (const { pid } of matches) attempts.push(await notifyMatch(deps, pid, wanted, { ...aim, notified }));
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

function absent({ exe }: ProcessMatch, hidden: number): NotifyResult {
  if (hidden === 0)
    return { result: 'not_running', detail: `no process runs ${exe} (that of a script runs its interpreter)` };
  const message = `${exe}: expected to see what each process runs, got no permission for ${hidden} of them`;
  throw new AgentError('CONSUMER_UNINSPECTABLE', message, {
    hint: 'name its user (process: {exe, user}), give a pid_file, or use type: systemd',
  });
}

interface Attempt {
  /** Tells it from others that have the same number later. */
  readonly key: string;
  readonly result: NotifyResult;
}

async function notifyMatch(
  deps: NotifyDeps,
  pid: number,
  wanted: Wanted,
  aim: Aim & { readonly notified: readonly string[] },
): Promise<Attempt> {
  using held = deps.processes.open(pid);
  const facts = held && readProcess(pid);
  // Looked at again now that it is held: before, the number could change hands.
  if (!held || !facts || look(deps, pid, wanted) !== 'match') return { key: '', result: ended(pid) };
  const key = `${pid}@${facts.startedAt}`;
  if (aim.notified.includes(key)) {
    return { key, result: { result: 'notified', detail: `pid ${pid} was notified before`, processes: [pid] } };
  }
  return { key, result: await sendTo(deps, held, facts, aim) };
}

/** Of the processes that are still to be notified, so many are named. */
const MOST_NAMED = 20;

/** One that is still to be notified keeps the consumer pending; the others are not notified twice. */
function summary(attempts: readonly Attempt[], { signal }: Aim): NotifyResult {
  const notified = attempts.filter(({ result }) => result.result === 'notified');
  const [pending, ...others] = attempts.flatMap(({ result }) => (result.result === 'pending' ? result : []));
  if (pending) {
    const processes = [pending, ...others].flatMap((result) => result.processes ?? []).slice(0, MOST_NAMED);
    return { ...pending, notified: notified.map(({ key }) => key), processes };
  }
  if (notified.length > 1) {
    const processes = notified.flatMap(({ result }) => (result.result === 'notified' ? (result.processes ?? []) : []));
    return { result: 'notified', detail: `${signal} to ${notified.length} processes`, processes };
  }
  const [only] = [...notified, ...attempts.filter(({ result }) => result.result === 'started_since'), ...attempts];
  return only?.result ?? { result: 'not_running', detail: 'no process' };
}
