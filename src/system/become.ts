import { dlopen } from 'node:ffi';
import { readFileSync } from 'node:fs';
import type { User } from '../core/contracts.ts';

/**
 * How a process gives up root's rights for a user's. It runs before anything else of the product is loaded, so it
 * imports as good as nothing of it.
 */

/** nogroup: of a user without entry it is unknown which groups are his. */
const NO_GROUP = 65534;
const MAX_ID = 0xfffffffe;

export function identityArguments({ uid, gid, isUnlisted }: User): readonly string[] {
  return isUnlisted ? [String(uid)] : [String(uid), String(gid)];
}

/**
 * Becomes the user for good, with all his groups; without a group among the arguments, with none. Only root can, and
 * not for root. Synchronous, so that nothing comes in between. Throws when not every right of root's is gone.
 */
export function become(args: readonly string[]): void {
  const [uid, gid] = args.map(parseId);
  if (uid === undefined || uid === 0 || args.length > 2) throw new Error('expected the numbers of a user and a group');
  if (process.geteuid?.() !== 0) throw new Error('expected to be started by root');
  process.umask(0o077);
  if (gid === undefined) process.setgroups?.([]);
  else initgroups(uid, gid);
  process.setgid?.(gid ?? NO_GROUP);
  process.setuid?.(uid);
  verify(uid, gid);
  leaveNoCore();
  gainNoRights();
}

/** Keeps root's rights, and gains none; throws where there are none to keep. */
export function remainRoot(args: readonly string[]): void {
  if (args.length > 0 || process.geteuid?.() !== 0) throw new Error('expected to be started by root');
  process.umask(0o077);
  leaveNoCore();
  gainNoRights();
}

function initgroups(uid: number, gid: number): void {
  // Node's types do not know it.
  (process as unknown as { initgroups: typeof initgroups }).initgroups(uid, gid);
}

function parseId(text: string): number {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (!(id <= MAX_ID)) throw new Error('expected the number of a user or a group');
  return id;
}

/** Asks the kernel: real, effective, saved and file ids, and whether a capability is left to come back with. */
function verify(uid: number, gid: number | undefined): void {
  const status = readFileSync('/proc/self/status', 'latin1');
  const four = (id: number): string => `\t${id}`.repeat(4);
  const isUser = status.includes(`\nUid:${four(uid)}\n`) && status.includes(`\nGid:${four(gid ?? NO_GROUP)}\n`);
  const hasNoGroups = gid !== undefined || /^Groups:\s*$/m.test(status);
  if (!isUser || !hasNoGroups || !/^CapPrm:\t0+$/m.test(status)) throw new Error('expected to have become the user');
  try {
    process.setuid?.(0);
  } catch {
    return;
  }
  throw new Error('expected not to become root again');
}

const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;

const { functions: libc } = dlopen(null, {
  prctl: { arguments: ['i32', 'u64', 'u64', 'u64', 'u64'], return: 'i32' },
});

/** Nobody gets at the secrets of this process by way of a core file, or of a debugger that its own user runs. */
export function leaveNoCore(): void {
  set(PR_SET_DUMPABLE, 0n, 'expected to leave no core file');
}

/** Nothing that this process executes has more rights than it has. */
function gainNoRights(): void {
  set(PR_SET_NO_NEW_PRIVS, 1n, 'expected to gain no rights again');
}

function set(option: number, value: bigint, expectation: string): void {
  if (libc.prctl(option, value, 0n, 0n, 0n) !== 0) throw new Error(expectation);
}
