import { existsSync, readdirSync, readFileSync, type BigIntStats } from 'node:fs';
import { onErrno, AgentError } from '../core/errors.ts';
import type { BootTime, UserIds } from '../core/contracts.ts';
import type { NotifyDeps } from './contract.ts';

/** Facts of a process that /proc shows to every user. None of these files can make the reader wait. */
export interface ProcessFacts {
  readonly pid: number;
  /** The command's name, 15 bytes, which the process can set. */
  readonly name: string;
  readonly parent: number;
  readonly session: number;
  /** Its number in each PID namespace, from ours to its own. */
  readonly numbers: readonly number[];
  /** Since boot; milliseconds, rounded down to hundredths of a second. */
  readonly startedAt: number;
  /** False for a zombie, unless only the first thread has ended. */
  readonly isAlive: boolean;
  readonly isKernelThread: boolean;
  /** The number is that of a thread, not of a process. */
  readonly isThread: boolean;
  readonly uids: { readonly real: number; readonly effective: number; readonly saved: number };
  readonly owner: UserIds;
  /** Signal sets: bit n-1 is signal n. */
  readonly caught: bigint;
  readonly ignored: bigint;
}

/** Fixed for user space on x86-64 and arm64. */
const MS_PER_TICK = 10;
const PF_KTHREAD = 0x00200000;

/** Undefined when there is no such process. */
export function readProcess(pid: number): ProcessFacts | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  const status = readProc(`/proc/${pid}/status`);
  if (stat === undefined || status === undefined) return undefined;
  // The second field is a name in brackets that may itself hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [real = NaN, effective = NaN, saved = NaN] = numbers(status, 'Uid');
  const [, gid = NaN] = numbers(status, 'Gid');
  return {
    pid,
    name: field(status, 'Name'),
    parent: Number(fields[1]),
    session: Number(fields[3]),
    numbers: numbers(status, 'NSpid'),
    startedAt: Number(fields[19]) * MS_PER_TICK,
    isAlive: !['Z', 'X', 'x'].includes(fields[0] ?? 'X') || Number(fields[17]) > 1,
    isKernelThread: (Number(fields[6]) & PF_KTHREAD) !== 0,
    isThread: numbers(status, 'Tgid')[0] !== pid,
    uids: { real, effective, saved },
    owner: { uid: effective, gid },
    caught: signalSet(status, 'SigCgt'),
    ignored: signalSet(status, 'SigIgn'),
  };
}

/** By the kernel's clock, which no administrator sets. A process of a later boot has always started since. */
export function startedAfter(
  deps: Pick<NotifyDeps, 'readBootTime'>,
  facts: ProcessFacts,
  changedAt: BootTime | undefined,
): boolean {
  if (!changedAt) return false;
  return changedAt.bootId !== deps.readBootTime().bootId || facts.startedAt > changedAt.sinceBoot;
}

/** SIGILL, SIGBUS, SIGFPE, SIGSEGV: a thread blocks its own faults only for the moment of a spawn. */
const FAULTS = [4, 7, 8, 11].reduce((set, signal) => set | (1n << BigInt(signal - 1)), 0n);

/**
 * Whether every thread blocks a signal for good: it then waits until a thread fetches it (signalfd). A thread in
 * sigwait cannot be recognised: meanwhile the kernel shows its signals as not blocked.
 */
export function isBlockedInAllThreads(pid: number, bit: bigint): boolean {
  const threads = readdirSync(`/proc/${pid}/task`);
  const statuses = threads.flatMap((thread) => readProc(`/proc/${pid}/task/${thread}/status`) ?? []);
  const blocked = statuses.map((status) => signalSet(status, 'SigBlk'));
  return blocked.length > 0 && blocked.every((set) => (set & bit) !== 0n && (set & FAULTS) !== FAULTS);
}

/** The id of this boot as a process of root sees it, whose unit may have a /proc of its own; undefined for others. */
export function bootIdSeenBy({ pid, uids }: ProcessFacts): string | undefined {
  return uids.real === 0 ? readProc(`/proc/${pid}/root/proc/sys/kernel/random/boot_id`)?.trim() : undefined;
}

/** Its control groups, as the kernel lists them; empty when it has ended. */
export function readGroup(pid: number): string {
  return readProc(`/proc/${pid}/cgroup`) ?? '';
}

/** Whether the number is still that of a process below a control group. */
export function isInGroup(pid: number, group: string): boolean {
  return pathsOf(readGroup(pid)).some((path) => `${path}/`.startsWith(`${group}/`));
}

/**
 * The service in which our systemd, or that of `user`, runs the processes of these control groups. Units below it, or
 * below a scope, are not theirs: a container has units of its own.
 */
export function unitOf(groups: string): { readonly name: string; readonly user?: number } | undefined {
  const unitsIn = (path: string): readonly string[] =>
    path.split('/').filter((part) => part.endsWith('.service') || part.endsWith('.scope'));
  const [outer = '', inner] =
    pathsOf(groups)
      .map(unitsIn)
      .find(({ length }) => length > 0) ?? [];
  const [, user] = /^user@(\d+)\.service$/.exec(outer) ?? [];
  const unit = user === undefined || inner === undefined ? { name: outer } : { name: inner, user: Number(user) };
  return unit.name.endsWith('.service') ? unit : undefined;
}

function pathsOf(groups: string): readonly string[] {
  return groups.split('\n').map((line) => line.replace(/^[^:]*:[^:]*:/, ''));
}

/** A thread that has not ended: the first may have, and shows nothing of the process then. */
export function liveThread(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`).map(Number);
  return threads.find((thread) => /\) [^ZXx]/.test(readProc(`/proc/${pid}/task/${thread}/stat`) ?? '')) ?? pid;
}

export function allPids(): readonly number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

/** A hidden process would be taken for one that does not run. */
export function assertProcessesVisible(self: UserIds): void {
  if (self.uid !== 0 || existsSync('/proc/1/stat')) return;
  throw new AgentError('CONSUMER_UNINSPECTABLE', '/proc: expected to see all processes, got a part of them', {
    hint: 'let the agent see them (hidepid= of /proc, ProtectProc= of its unit), or use type: systemd',
  });
}

/** Device and inode as {@link Executable.file} has them: Node gives the device as one number. */
export function fileOf({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${major}:${minor}:${ino}`;
}

function readProc(path: string): string | undefined {
  return onErrno(['ENOENT', 'ESRCH'], undefined, () => readFileSync(path, 'latin1'));
}

function field(status: string, name: string): string {
  const [, behind = ''] = `\n${status}`.split(`\n${name}:\t`, 2);
  return behind.slice(0, behind.indexOf('\n'));
}

function numbers(status: string, name: string): readonly number[] {
  return field(status, name).split(/\s+/).map(Number);
}

function signalSet(status: string, name: string): bigint {
  return BigInt(`0x${field(status, name) || '0'}`);
}
