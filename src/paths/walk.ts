import { type BigIntStats, constants } from 'node:fs';
import { errnoError, isErrno } from '../core/errors.ts';
import { Directory, type Held } from './held.ts';
import { mayHaveAcl, readLink } from './libc.ts';
import { isAutomount, kindOfMount } from './mounts.ts';
import { hasToItself } from './accounts.ts';
import type { End, Refusal } from './refusal.ts';
import { judgeEntry, STICKY, volumeKind } from './volume.ts';
import {
  type Ended,
  namesOf,
  type PassedDirectory,
  type ReachedDirectory,
  type ReachedFile,
  type Walker,
} from './walked.ts';

/**
 * Others than the owner who can make entries in a directory: nobody, members of trusted groups, everybody, unknown, or
 * whoever has the same private volume.
 */
type Sharing = 'nobody' | 'members' | 'sticky' | 'group' | 'all' | 'volume';

/** A directory on the way. */
interface Step {
  readonly directory: Directory;
  readonly shared: Sharing;
  readonly passed: PassedDirectory;
}

/** Where anybody could exchange an entry between two looks, nothing in it counts. */
function refuseShared({ directory, shared, passed: { gid } }: Step): Refusal | undefined {
  return shared === 'group' || shared === 'all' ? { why: 'shared', at: directory.path, gid, by: shared } : undefined;
}

function stepAt(directory: Directory, stat: BigIntStats, walker: Walker): Step {
  return { directory, shared: sharedWith(directory, stat, walker), passed: passedBy(directory, stat) };
}

/** More than the owner, and groups that are trusted, can make entries. */
function isOpen(shared: Sharing): boolean {
  return shared !== 'nobody' && shared !== 'members';
}

const WRITABLE_BY_GROUP = 0o020;
const WRITABLE_BY_ALL = 0o002;
const SEARCHED_BY_ALL = 0o001;

function sharedWith(held: Held, stat: BigIntStats, { uid, groups = [] }: Walker): Sharing {
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

/** Records who may pass a directory on the way. */
function passedBy(directory: Directory, stat: BigIntStats): PassedDirectory {
  const mode = Number(stat.mode) & 0o7777;
  const hasAcl = (mode & SEARCHED_BY_ALL) === 0 && mayHaveAcl(directory.fd);
  return { path: directory.path, uid: Number(stat.uid), gid: Number(stat.gid), mode, hasAcl };
}

type Walked = ReachedDirectory | ReachedFile | Ended;
/** As the kernel. */
const MAX_LINKS = 40;
/** The kernel's number for those whom a user namespace does not know. */
const UNMAPPED = 65534;

/**
 * Walks a path as the kernel does, one descriptor below the other, symlinks by hand, and judges each component: first
 * its mount, which the kernel gives without asking anybody, then its owner, and who can exchange it. No name is
 * resolved twice; `..` behind a link means what it means to the kernel. Throws nothing.
 */
export function walk(path: string, end: 'directory', walker: Walker): ReachedDirectory | Ended;
export function walk(path: string, end: 'file', walker: Walker): ReachedFile | Ended;
export function walk(path: string, end: End, walker: Walker): Walked;
export function walk(path: string, end: End, walker: Walker): Walked {
  using way = new PathWalk(walker, end);
  try {
    return way.follow(path);
  } catch (error) {
    if (isSharing && isErrno(error, 'EMFILE')) {
      // There are too few descriptors for it.
      way[Symbol.dispose]();
      isSharing = false;
      forgetSteps();
      return walk(path, end, walker);
    }
    const isProcMissing = way.isEmpty && isErrno(error, 'ENOENT', 'ENOTDIR', 'ENOSYS');
    const at = way.isEmpty ? '/' : way.top.directory.path;
    return refuse(isProcMissing ? { why: 'no-proc', at } : { why: 'errno', at, error, end });
  }
}

/** More would take the descriptors that sinks are staged with. */
const KEPT_AT_MOST = 32;

let isSharing = false;
let kept: Map<string, Step> | undefined;

/**
 * From now on the walks of one turn of the event loop share the directories on their ways: to whoever changes something
 * meanwhile they are one slow walk. For a process in which nobody else works.
 */
export function shareWalks(): void {
  isSharing = true;
}

/** To other eyes the same directory may be another. */
function keyOf({ uid, groups = [], volumes = [], unnamedVolume, mayWait = false }: Walker, path: string): string {
  return `${uid} ${String(groups)} ${JSON.stringify([volumes, unnamedVolume])} ${String(mayWait)} ${path}`;
}

function keepStep(walker: Walker, step: Step): void {
  if (!isSharing || (kept && kept.size >= KEPT_AT_MOST)) return;
  if (!kept) setImmediate(forgetSteps);
  kept ??= new Map();
  kept.set(keyOf(walker, step.directory.path), { ...step, directory: step.directory.share() });
}

function forgetSteps(): void {
  for (const { directory } of kept?.values() ?? []) directory[Symbol.dispose]();
  kept = undefined;
}

class PathWalk implements Disposable {
  readonly #walker: Walker;
  readonly #end: End;
  readonly #steps: Step[] = [];
  readonly #passed: string[] = [];
  readonly #directories: PassedDirectory[] = [];
  #links = 0;

  constructor(walker: Walker, end: End) {
    this.#walker = walker;
    this.#end = end;
  }

  get isEmpty(): boolean {
    return this.#steps.length === 0;
  }

  get top(): Step {
    const top = this.#steps.at(-1);
    if (top === undefined) throw new Error('expected a way that begins at the root');
    return top;
  }

  [Symbol.dispose](): void {
    for (const { directory } of this.#steps) directory[Symbol.dispose]();
  }

  follow(path: string): Walked {
    const refusal = this.#begin();
    if (refusal) return refuse(refusal);
    const pending = namesOf(path.startsWith('/') ? path : `${process.cwd()}/${path}`);
    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      if (name === '..') this.#leave();
      else {
        const end = this.#enter(name, pending);
        if (end) return end;
      }
    }
    return this.#arrive([]);
  }

  /** "/" is where we were put, so its mount is not judged: in a chroot the table does not know it. */
  #begin(): Refusal | undefined {
    if (this.#resume('/')) return undefined;
    const directory = Directory.root();
    const stat = directory.stat();
    const step = this.#push(stepAt(directory, stat, this.#walker));
    if ([0, this.#walker.uid].includes(Number(stat.uid))) {
      keepStep(this.#walker, step);
      return undefined;
    }
    if (stat.uid === BigInt(UNMAPPED)) return { why: 'unmapped', at: '/' };
    return { why: 'owner', at: '/', uid: Number(stat.uid), self: this.#walker.uid };
  }

  #push(step: Step): Step {
    this.#steps.push(step);
    this.#directories.push(step.passed);
    this.#passed.push(step.directory.path);
    return step;
  }

  /** Whether another walk has been there in this turn. */
  #resume(path: string): boolean {
    const step = kept?.get(keyOf(this.#walker, path));
    if (step) this.#push({ ...step, directory: step.directory.share() });
    return step !== undefined;
  }

  /** By our own steps: what the file system calls `..` may be a directory that nobody judged. */
  #leave(): void {
    if (this.#steps.length > 1) this.#steps.pop()?.directory[Symbol.dispose]();
  }

  /** Goes one component further. Returns an end if the walk ends there. */
  #enter(name: string, pending: string[]): Walked | undefined {
    const parent = this.top;
    const unsafe = refuseShared(parent);
    if (unsafe) return refuse(unsafe);
    const path = parent.directory.pathOf(name);
    if (this.#resume(path)) return undefined;
    if (this.#walker.mayWait !== true && isAutomount(path)) return { kind: 'remote', at: path, passed: this.#passed };
    const entry = this.#open(parent.directory, name);
    if (!entry) return this.#miss(parent, [name, ...pending]);
    using opened = new DisposableStack();
    const held = opened.use(entry);
    const stop = this.#crossMount(parent, held);
    if (stop) return stop;
    const stat = held.stat();
    if (stat.isSymbolicLink()) return this.#followLink(parent, held, pending);
    const end = this.#judge(parent, held, stat, pending);
    if (end === undefined || end.kind === 'file') opened.move();
    return end;
  }

  /** A walker that may wait triggers automounts; to others such a place looks like an empty directory. */
  #open(parent: Directory, name: string): Directory | undefined {
    if (this.#walker.mayWait !== true) return parent.open(name);
    try {
      return parent.open(name, constants.O_DIRECTORY);
    } catch (error) {
      if (isErrno(error, 'ENOTDIR', 'ELOOP')) return parent.open(name);
      throw error;
    }
  }

  /** Before anything is asked of what was opened. */
  #crossMount(parent: Step, { mountId, path }: Held): Walked | undefined {
    if (mountId === parent.directory.mountId) return undefined;
    const kind = kindOfMount(mountId);
    if (kind.is === 'local') return undefined;
    if (kind.is === 'unknown' || kind.is === 'proc') {
      const got = kind.is === 'proc' ? 'the file system of processes' : 'one that it does not show';
      return refuse({ why: 'mount', at: path, got });
    }
    if (kind.is === 'user' && kind.uid !== this.#walker.uid) return this.#endAtUser(kind.uid, path, parent);
    return this.#walker.mayWait === true ? undefined : { kind: 'remote', at: path, passed: this.#passed };
  }

  #followLink(parent: Step, link: Held, pending: string[]): Walked | undefined {
    if (parent.shared !== 'nobody') return refuse({ why: 'claimed', at: link.path, got: 'a symlink' });
    if (++this.#links > MAX_LINKS) throw errnoError('ELOOP', 'open');
    const target = readLink(link.fd);
    this.#passed.push(link.path);
    pending.unshift(...namesOf(target));
    if (target.startsWith('/')) while (this.#steps.length > 1) this.#leave();
    return undefined;
  }

  #endAtUser(uid: number, at: string, { shared }: Step): Walked {
    const { uid: self } = this.#walker;
    const isClaim = shared !== 'nobody';
    if (self === 0) return { kind: 'user', uid, at, isClaim, passed: this.#passed };
    return refuse({ why: 'owner', at, uid, self });
  }

  /** Takes over its results, and the directories in which the walk continues. */
  #judge(parent: Step, held: Directory, stat: BigIntStats, pending: readonly string[]): Walked | undefined {
    const uid = Number(stat.uid);
    const isOurs = [0, this.#walker.uid].includes(uid);
    if (stat.isDirectory()) {
      if (!isOurs) return this.#endAtUser(uid, held.path, parent);
      const fault = parent.shared === 'volume' && judgeEntry(held, stat, parent.passed, this.#walker);
      return fault ? refuse(fault) : this.#pass(parent, stepAt(held, stat, this.#walker));
    }
    if (pending.length > 0 || this.#end === 'directory') throw errnoError('ENOTDIR', 'open');
    if (parent.shared !== 'nobody') return refuse({ why: 'claimed', at: held.path, got: 'a file' });
    if (!isOurs) return this.#endAtUser(uid, held.path, parent);
    if (stat.isFile() && sharedWith(held, stat, this.#walker) !== 'nobody')
      return refuse({ why: 'mode', at: held.path, mode: Number(stat.mode) & 0o7777 });
    return { kind: 'file', held, passed: this.#passed };
  }

  #pass(parent: Step, step: Step): Walked | undefined {
    const { directory, shared } = step;
    const kind = isOpen(shared) ? volumeKind(directory, parent.directory, shared === 'sticky', this.#walker) : 'none';
    if (kind === 'left') return { kind: 'volume', at: directory.path, passed: this.#passed };
    if (typeof kind === 'object') return refuse(kind);
    keepStep(this.#walker, this.#push(kind === 'volume' ? { ...step, shared: kind } : step));
    return undefined;
  }

  #miss(parent: Step, missing: readonly string[]): Walked {
    if (this.#end === 'file') return { kind: 'absent', at: parent.directory.path, passed: this.#passed };
    // A name that leads back out of what is not there: nothing says that the way out was looked at.
    if (missing.includes('..')) throw errnoError('ENOENT', 'open');
    return this.#arrive(missing);
  }

  #arrive(missing: readonly string[]): Walked {
    const { top } = this;
    if (this.#end === 'file') throw errnoError('EISDIR', 'open');
    const unsafe = refuseShared(top);
    if (unsafe) return refuse(unsafe);
    const isVolume = top.shared === 'volume';
    if (top.shared === 'sticky') return refuse({ why: 'sticky', at: top.directory.path });
    if (isVolume && missing.length === 0)
      return refuse({ why: 'volume', at: top.directory.path, fault: 'inside', got: 'the volume itself' });
    this.#steps.pop();
    const [directories, passed] = [this.#directories, this.#passed];
    return { kind: 'directory', held: top.directory, missing, directories, passed, isVolume };
  }
}

function refuse(refusal: Refusal): Walked {
  return { kind: 'refused', refusal };
}
