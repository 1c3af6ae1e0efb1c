import { lstatSync, readlinkSync, type BigIntStats } from 'node:fs';
import { isAbsolute, join, sep } from 'node:path';
import { AgentError, describeForeign, isErrno, type ErrorInfo } from '../core/errors.ts';

/** Who may write in a directory without being led astray by those who can rename its components. */
export type ActingIdentity =
  | { readonly kind: 'self' }
  | { readonly kind: 'user'; readonly uid: number }
  | { readonly kind: 'refused'; readonly error: ErrorInfo };

export interface SinkDirectory {
  /** Without symlinks. */
  readonly path: string;
  /** What is to be made of it, outermost first. */
  readonly missing: readonly string[];
  readonly identity: ActingIdentity;
}

/** A directory or symlink on the way, in the order of the walk. */
export interface Component {
  readonly path: string;
  readonly uid: number;
  /** Others than the owner can make entries: group or world may write. */
  readonly isShared: boolean;
  /** They can, but only an entry's owner can rename it. */
  readonly isSticky: boolean;
}

interface Walk {
  readonly path: string;
  readonly missing: readonly string[];
  readonly components: readonly Component[];
}

/** As the kernel. */
const MAX_LINKS = 40;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** Looks at every component of a directory, those behind symlinks too. `self` is the agent's own uid. */
export function examineDirectory(directory: string, self: number): SinkDirectory {
  try {
    const { path, missing, components } = walk(directory);
    return { path, missing, identity: judge(components, self) };
  } catch (error) {
    return { path: directory, missing: [], identity: { kind: 'refused', error: unseen(directory, error) } };
  }
}

/**
 * The agent acts as itself where all belongs to root (or to itself) and nobody else can write: whoever owns a
 * component can put a symlink in its place between our look and our write. `components` begin with the root.
 */
export function judge(components: readonly Component[], self: number): ActingIdentity {
  const shared = components.find((component) => component.isShared && !component.isSticky);
  if (shared) {
    const hint = `sudo chmod go-w ${shared.path}, or choose another directory`;
    return refuse(`${shared.path}: expected a directory that its owner alone can write, got one that others can`, hint);
  }
  const last = components.at(-1);
  if (last?.isShared) {
    const message = `${last.path}: expected a directory of one owner, got one where everybody can make files`;
    return refuse(message, `make a directory inside it: install -d -m 700 ${join(last.path, 'credrotate')}`);
  }
  // A sticky directory on the way needs no rule of its own: what follows in it counts by its owner, as all else does.
  const [owner, other] = new Set(components.map(({ uid }) => uid).filter((uid) => uid !== 0 && uid !== self));
  if (owner === undefined) return { kind: 'self' };
  if (self === 0 && other === undefined) return { kind: 'user', uid: owner };
  const foreign = other ?? owner;
  const path = components.find(({ uid }) => uid === foreign)?.path ?? '/';
  const message = `${path}: expected a path of root and ${self === 0 ? 'one user' : 'the agent itself'}, got a part of it owned by uid ${foreign}`;
  return refuse(message, 'choose a directory that belongs, with all its parents, to root or to that one user');
}

/** Symlinks are followed by hand, so that each link's own directory is looked at as well. */
function walk(directory: string): Walk {
  const components = [describe('/', lstatSync('/', { bigint: true }))];
  const pending = directory.split(sep).filter(isName);
  let path = '/';
  for (let links = 0; pending.length > 0;) {
    const name = pending.shift() ?? '';
    const next = join(path, name);
    const stat = lstatSync(next, { bigint: true, throwIfNoEntry: false });
    if (!stat) return arrive(path, components, missingFrom(next, pending));
    if (name !== '..') components.push(describe(next, stat));
    if (stat.isSymbolicLink()) {
      if (++links > MAX_LINKS) throw errno('ELOOP');
      const target = readlinkSync(next);
      pending.unshift(...target.split(sep).filter(isName));
      if (isAbsolute(target)) path = '/';
    } else if (stat.isDirectory()) path = next;
    else throw errno('ENOTDIR');
  }
  return arrive(path, components, []);
}

/** The directory comes last, by whatever links it was reached. */
function arrive(path: string, components: readonly Component[], missing: readonly string[]): Walk {
  const last = describe(path, lstatSync(path, { bigint: true }));
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
function describe(path: string, stat: BigIntStats): Component {
  const mode = stat.isSymbolicLink() ? 0 : Number(stat.mode);
  return {
    path,
    uid: Number(stat.uid),
    isShared: (mode & WRITABLE_BY_OTHERS) !== 0,
    isSticky: (mode & STICKY) !== 0,
  };
}

function errno(code: string): Error {
  return Object.assign(new Error(code), { code, syscall: 'lstat' });
}

function refuse(message: string, hint: string): ActingIdentity {
  return { kind: 'refused', error: new AgentError('SINK_UNSAFE_PATH', message, { hint }).toInfo() };
}

function unseen(directory: string, error: unknown): ErrorInfo {
  const hint = isErrno(error, 'EACCES')
    ? 'the agent may not look there: run it as root, or as the owner'
    : 'check the path: every part of it must be a directory';
  const message = `${directory}: expected a directory, got ${describeForeign(error)}`;
  return new AgentError('SINK_UNREADABLE', message, { hint }).toInfo();
}
