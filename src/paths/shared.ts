import type { BigIntStats } from 'node:fs';
import type { Directory, Held } from './held.ts';
import { mayHaveAcl } from './libc.ts';
import { hasToItself } from './private-group.ts';
import type { Refusal } from './refusal.ts';
import type { Passed, Walker } from './walked.ts';

/** Who can make entries in a directory beside its owner: nobody, members of trusted groups, everybody, or who knows. */
export type Shared = 'nobody' | 'members' | 'sticky' | 'group' | 'all';

/** A directory on the way. */
export interface Step {
  readonly directory: Directory;
  readonly shared: Shared;
  readonly passed: Passed;
}

/** Where anybody could exchange an entry between two looks, nothing in it counts. */
export function refuseShared({ directory, shared, passed: { gid } }: Step): Refusal | undefined {
  return shared === 'group' || shared === 'all' ? { why: 'shared', at: directory.path, gid, by: shared } : undefined;
}

export function stepAt(directory: Directory, stat: BigIntStats, walker: Walker): Step {
  return { directory, shared: sharedWith(directory, stat, walker), passed: passedBy(directory, stat) };
}

const WRITABLE_BY_GROUP = 0o020;
const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;
const SEARCHED_BY_ALL = 0o001;

export function sharedWith(held: Held, stat: BigIntStats, { uid, groups = [] }: Walker): Shared {
  const [mode, gid] = [Number(stat.mode), Number(stat.gid)];
  const isSticky = stat.isDirectory() && (mode & STICKY) !== 0;
  if ((mode & WRITABLE_BY_ALL) !== 0) return isSticky ? 'sticky' : 'all';
  if ((mode & WRITABLE_BY_GROUP) === 0) return 'nobody';
  // With an ACL the group's bits are its mask: who may write is more than the group.
  if (!mayHaveAcl(held.fd)) {
    if (groups === 'any' || groups.includes(gid)) return 'members';
    if (Number(stat.uid) === uid && hasToItself(uid, gid)) return 'nobody';
  }
  return isSticky ? 'sticky' : 'group';
}

/** Who may pass a directory on the way. */
function passedBy(directory: Directory, stat: BigIntStats): Passed {
  const mode = Number(stat.mode) & 0o7777;
  const hasAcl = (mode & SEARCHED_BY_ALL) === 0 && mayHaveAcl(directory.fd);
  return { path: directory.path, uid: Number(stat.uid), gid: Number(stat.gid), mode, hasAcl };
}
