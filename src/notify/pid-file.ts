import { join, relative } from 'node:path';
import { AgentError } from '../core/errors.ts';
import { readAsOwner } from '../host/ask.ts';
import { mountsByPath, readMounts, type Mount } from '../paths/mounts.ts';
import { openFile } from '../paths/policies.ts';
import type { NotifyDeps } from './contract.ts';
import { allPids, readProcess, type ProcessFacts } from './proc.ts';

/** A pid file, and how far it can be trusted. */
export interface PidFile {
  readonly path: string;
  readonly pid: number;
  /** Epoch milliseconds. */
  readonly writtenAt: number;
  /** This user controls the file, so it reaches only this user's processes; unset: root or we control it. */
  readonly user?: number;
}

/** Some programs write more lines after the number. */
const MOST = 64;

/** Undefined if there is none. Rejects with CONSUMER_UNSAFE, CONSUMER_UNINSPECTABLE, and CONSUMER_MISMATCH if no process fits. */
export async function readPidFile(deps: NotifyDeps, path: string, signal: AbortSignal): Promise<PidFile | undefined> {
  const read = await readAsOwner(deps, { use: 'pid_file', path, most: MOST }, signal);
  if (!read) return undefined;
  const { bytes, writtenAt, user } = read;
  return { path, pid: plausiblePid(path, parsePid(bytes)), writtenAt, ...(user !== undefined && { user }) };
}

/** Other text is never repeated anywhere. */
function parsePid(bytes: Buffer): number | null {
  const [, digits] = /^[ \t]*(\d{1,10})[ \t\r]*(?:\n|$)/.exec(bytes.toString('latin1', 0, MOST)) ?? [];
  return digits === undefined ? null : Number(digits);
}

/** 0 and negative numbers mean groups of processes, 1 is the parent of all. */
function plausiblePid(path: string, pid: number | null): number {
  if (pid !== null && pid > 1 && pid !== process.pid) return pid;
  const got = pid === null ? 'something else than a number' : `the number ${pid}`;
  throw notMeant(path, `got ${got}`, 'see what writes the pid file');
}

export function notMeant(path: string, got: string, hint: string): AgentError {
  return new AgentError('CONSUMER_MISMATCH', `${path}: expected the id of the consumer's process, ${got}`, { hint });
}

/** A user who can write a pid file, or rename a directory above it, must not thereby reach processes of others. */
export function refuseOthers({ path, user }: PidFile, { pid, uids, ...facts }: ProcessFacts): void {
  if (facts.isKernelThread || facts.isThread) throw notMeant(path, `got pid ${pid}, which is none`, 'remove it');
  if (user === undefined || Object.values(uids).every((uid) => uid === user)) return;
  throw notMeant(
    path,
    `got pid ${pid}, which is not a process of uid ${user}, to whom the path belongs`,
    'give the pid file and its directory to root, or name the program instead (process: {exe, user})',
  );
}

/** Granularity of file times and of the kernel's clock, and small corrections of the time. */
const SLACK_MS = 2_000;

/** A process is older than its pid file; a younger one has only got the number of the one before. */
export function refuseReused(deps: NotifyDeps, { path, writtenAt }: PidFile, { pid, startedAt }: ProcessFacts): void {
  const age = deps.clock.now() - writtenAt;
  if (startedAt <= deps.readBootTime().sinceBoot - age + SLACK_MS) return;
  throw notMeant(
    path,
    `got pid ${pid}, which started after the file was written`,
    `if the program has ended, remove the file; if it runs and the clock was set since, touch ${path}`,
  );
}

/**
 * A pid file that a program in a container wrote has its number there; here it is another process's. Throws
 * CONSUMER_MISMATCH if a process that has this number in a PID namespace of its own sees this very file.
 */
export function refuseContainers({ path, pid: number }: PidFile): void {
  const insiders = insidersNow().filter((insider) => insider.number === number);
  const file = insiders.length === 0 ? undefined : fileOnDevice(path);
  const inside = file && insiders.find(({ pid }) => sees(pid, file))?.pid;
  if (inside === undefined) return;
  throw notMeant(
    path,
    `got ${number}, the number that pid ${inside} has in its container`,
    'name the program as well: process: {exe, user}; or have the container restarted (type: exec)',
  );
}

interface Insider {
  readonly pid: number;
  /** In its PID namespace. */
  readonly number: number | undefined;
}

let insidersOfTurn: readonly Insider[] | undefined;

/**
 * Processes of PID namespaces below ours. All pid files of one turn of the event loop share a look at all processes, of
 * which a hundred files would take a hundred.
 */
function insidersNow(): readonly Insider[] {
  if (!insidersOfTurn) setImmediate(() => (insidersOfTurn = undefined));
  return (insidersOfTurn ??= allPids().flatMap((pid) => {
    const { numbers = [] } = readProcess(pid) ?? {};
    return numbers.length > 1 ? { pid, number: numbers.at(-1) } : [];
  }));
}

/** A file, independent of mount points. */
interface FileOnDevice {
  readonly device: string;
  /** From the root of its file system. */
  readonly path: string;
}

function fileOnDevice(path: string): FileOnDevice | undefined {
  using found = openFile('pid_file', path, { uid: process.geteuid?.() ?? 0 });
  const real = found.kind === 'file' ? found.held.path : path;
  const mount = mountsByPath(readMounts())(real);
  return mount && { device: mount.device, path: join(mount.root, relative(mount.point, real)) };
}

function sees(pid: number, { device, path }: FileOnDevice): boolean {
  const mounts = tableOf(pid);
  const mountOf = mountsByPath(mounts);
  return mounts.some((mount) => {
    const rest = relative(mount.root, path);
    return mount.device === device && !`${rest}/`.startsWith('../') && mountOf(join(mount.point, rest)) === mount;
  });
}

/** Empty when it has ended. */
function tableOf(pid: number): readonly Mount[] {
  try {
    return readMounts(pid);
  } catch {
    return [];
  }
}
