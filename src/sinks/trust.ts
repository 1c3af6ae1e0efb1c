import { lstatSync, readlinkSync, type BigIntStats } from 'node:fs';
import { isAbsolute, join, sep } from 'node:path';
import type { FileSecurity } from '../core/contracts.ts';
import { AgentError, describeForeign, isErrno, type ErrorInfo } from '../core/errors.ts';
import { shellWord } from '../core/shell-word.ts';
import { withDirectory } from './directories.ts';

/** Who may write in a directory without being led astray by those who can rename its components. */
export type Examined =
  | SinkDirectory
  /** Never the agent itself: what this user owns on the way was not looked into. */
  | { readonly kind: 'user'; readonly uid: number }
  | { readonly kind: 'refused'; readonly error: ErrorInfo }
  /** Leads to a file system that may let us wait: nothing there was looked at. */
  | { readonly kind: 'remote'; readonly mount: string };

/** The agent itself may write here. */
export interface SinkDirectory {
  readonly kind: 'self';
  /** Without symlinks. */
  readonly path: string;
  /** What is to be made of it, outermost first. */
  readonly missing: readonly string[];
}

export interface Trust {
  /** Who looks. */
  readonly uid: number;
  /** Groups that may write in a directory as its owner may. */
  readonly groups: readonly number[];
  readonly security: Pick<FileSecurity, 'hasAcl'>;
  /** Mount points at which the look ends. */
  readonly remote?: ReadonlySet<string>;
}

/** A directory or symlink on the way, in the order of the walk. */
export interface Component {
  readonly path: string;
  readonly gid: number;
  /** Who can make entries beside the owner. */
  readonly sharedWith: 'nobody' | 'group' | 'all';
  /** They can, but only an entry's owner can rename it. */
  readonly isSticky: boolean;
}

export interface Walk {
  readonly path: string;
  readonly missing: readonly string[];
  /** As far as they belong to root or to whoever looks. */
  readonly components: readonly Component[];
  /** The first that does not; nothing behind it was looked at. */
  readonly foreign?: { readonly path: string; readonly uid: number };
  /** Where the look ended. */
  readonly remote?: string;
}

/** As the kernel. */
const MAX_LINKS = 40;
const WRITABLE_BY_GROUP = 0o020;
const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;

/** Looks at every component of a directory, those behind symlinks too, up to the first that is another user's. */
export function examineDirectory(directory: string, trust: Trust): Examined {
  try {
    return judge(walk(directory, trust), trust.uid);
  } catch (error) {
    return { kind: 'refused', error: unseen(directory, error) };
  }
}

/** `uid`: who looks. Only root can act as somebody else. */
export function judge({ path, missing, components, foreign, remote }: Walk, uid: number): Examined {
  const isWhole = foreign === undefined && remote === undefined;
  const error = refusal(components) ?? (isWhole ? refuseSticky(components) : undefined);
  if (error) return { kind: 'refused', error };
  if (remote !== undefined) return { kind: 'remote', mount: remote };
  if (!foreign) return { kind: 'self', path, missing };
  return uid === 0 ? { kind: 'user', uid: foreign.uid } : { kind: 'refused', error: notOurs(foreign, uid) };
}

/**
 * Whoever can write in a component can put a symlink in its place between our look and our write. A sticky directory
 * on the way needs no rule of its own: what follows in it counts by its owner, as all else does.
 */
function refusal(components: readonly Component[]): ErrorInfo | undefined {
  const shared = components.find(({ sharedWith, isSticky }) => sharedWith !== 'nobody' && !isSticky);
  if (!shared) return undefined;
  const { path, sharedWith, gid } = shared;
  const message = `${path}: expected a directory that its owner alone can write, got one that others can`;
  const trusting = sharedWith === 'group' ? `, or list its group ${gid} in trusted_groups` : '';
  return refuse(message, `sudo chmod go-w ${shellWord(path)}${trusting}, or choose another directory`);
}

function refuseSticky(components: readonly Component[]): ErrorInfo | undefined {
  const last = components.at(-1);
  if (last === undefined || last.sharedWith === 'nobody') return undefined;
  const message = `${last.path}: expected a directory of one owner, got one where everybody can make files`;
  return refuse(message, `make a directory inside it: install -d -m 700 ${shellWord(join(last.path, 'credrotate'))}`);
}

function notOurs({ path, uid }: NonNullable<Walk['foreign']>, self: number): ErrorInfo {
  const message = `${path}: expected a path of root and uid ${self} alone, got a part of it owned by uid ${uid}`;
  return refuse(message, 'choose a directory that belongs, with all its parents, to root or to that one user');
}

/** Symlinks are followed by hand, so that each link's own directory is looked at as well. */
export function walk(directory: string, trust: Trust): Walk {
  const components = [describe('/', lstatSync('/', { bigint: true }), trust)];
  const pending = directory.split(sep).filter(isName);
  let path = '/';
  for (let links = 0; pending.length > 0;) {
    const name = pending.shift() ?? '';
    const next = join(path, name);
    if (trust.remote?.has(next)) return { path, missing: [], components, remote: next };
    const stat = lstatSync(next, { bigint: true, throwIfNoEntry: false });
    if (!stat) return arrive({ path, components, missing: missingFrom(next, pending) }, trust);
    const uid = Number(stat.uid);
    if (![0, trust.uid].includes(uid)) return { path, missing: [], components, foreign: { path: next, uid } };
    if (name !== '..') components.push(describe(next, stat, trust));
    if (stat.isSymbolicLink()) {
      if (++links > MAX_LINKS) throw errno('ELOOP');
      const target = readlinkSync(next);
      pending.unshift(...target.split(sep).filter(isName));
      if (isAbsolute(target)) path = '/';
    } else if (stat.isDirectory()) path = next;
    else throw errno('ENOTDIR');
  }
  return arrive({ path, components, missing: [] }, trust);
}

/** The directory comes last, by whatever links it was reached. */
function arrive({ path, components, missing }: Walk, trust: Trust): Walk {
  const last = describe(path, lstatSync(path, { bigint: true }), trust);
  return { path: missing.at(-1) ?? path, missing, components: [...components, last] };
}

function missingFrom(first: string, rest: readonly string[]): readonly string[] {
  // A link that leads back out of what is not there: nothing says that the way out was looked at.
  if (rest.includes('..')) throw errno('ENOENT');
  return [first, ...rest.map((_, index) => join(first, ...rest.slice(0, index + 1)))];
}

function isName(name: string): boolean {
  return name !== '' && name !== '.';
}

/** A link's mode means nothing; only its owner, who can replace it in a sticky directory, counts. */
function describe(path: string, stat: BigIntStats, trust: Trust): Component {
  const mode = stat.isSymbolicLink() ? 0 : Number(stat.mode);
  const gid = Number(stat.gid);
  return {
    path,
    gid,
    sharedWith: sharedWith(mode, () => trust.groups.includes(gid) && !hasAcl(path, trust)),
    isSticky: (mode & STICKY) !== 0,
  };
}

function sharedWith(mode: number, isTrusted: () => boolean): Component['sharedWith'] {
  if ((mode & WRITABLE_BY_ALL) !== 0) return 'all';
  return (mode & WRITABLE_BY_GROUP) === 0 || isTrusted() ? 'nobody' : 'group';
}

/** With one, the group's bits are its mask: who may write is more than the group. */
function hasAcl(path: string, { security }: Trust): boolean {
  try {
    return withDirectory(path, (fd) => security.hasAcl(fd));
  } catch (error) {
    if (isErrno(error, 'EACCES')) return true;
    throw error;
  }
}

function errno(code: string): Error {
  return Object.assign(new Error(code), { code, syscall: 'lstat' });
}

function refuse(message: string, hint: string): ErrorInfo {
  return new AgentError('SINK_UNSAFE_PATH', message, { hint }).toInfo();
}

function unseen(directory: string, error: unknown): ErrorInfo {
  const hint = isErrno(error, 'EACCES')
    ? 'the agent may not look there: run it as root, or as the owner'
    : 'check the path: every part of it must be a directory';
  const message = `${directory}: expected a directory, got ${describeForeign(error)}`;
  return new AgentError('SINK_UNREADABLE', message, { hint }).toInfo();
}
