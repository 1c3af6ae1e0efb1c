import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** The part of a path that somebody else than root can change. */
export interface Weakness {
  readonly path: string;
  /** It is the file itself, and not a directory on the way to it. */
  readonly isTarget: boolean;
  /** `owner uid 1000`, `mode 0666`. */
  readonly got: string;
}

export interface Examined {
  /** Of the file at the end, to be compared with the one that was opened. */
  readonly identity: string;
  readonly weakness: Weakness | undefined;
}

/** What decides of a file who can change it; Node's bigint stats have it. */
export interface FileStat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: bigint;
  readonly uid: bigint;
}

export interface FileTree {
  lstat(path: string): FileStat;
  readlink(path: string): string;
}

const REAL: FileTree = { lstat: (path) => lstatSync(path, { bigint: true }), readlink: readlinkSync };

/** As the kernel. */
const MAX_LINKS = 40;
const TYPE = 0o170000n;
const DIRECTORY = 0o040000n;
const LINK = 0o120000n;
const STICKY = 0o1000n;
const WRITABLE_BY_OTHERS = 0o022n;

/**
 * Walks a path as the kernel does, and looks at every component, those behind symlinks too: whoever can write in a
 * directory decides what its names lead to. Throws errno errors.
 */
export function examine(path: string, files: FileTree = REAL): Examined {
  const pending = names(resolve(path));
  let links = 0;
  let current = '/';
  let parent: FileStat = files.lstat('/');
  let weakness = findWeakness('/', parent);
  while (pending.length > 0) {
    const name = pending.shift() ?? '';
    const next = name === '..' ? dirname(current) : join(current, name);
    const stat = files.lstat(next);
    weakness ??= findWeakness(next, stat, parent);
    if ((stat.mode & TYPE) === LINK) {
      if (++links > MAX_LINKS) throw Object.assign(new Error('too many symlinks'), { code: 'ELOOP', syscall: 'lstat' });
      const target = files.readlink(next);
      pending.unshift(...names(target));
      if (target.startsWith('/')) [current, parent] = ['/', files.lstat('/')];
    } else [current, parent] = [next, stat];
  }
  const isTarget = weakness?.path === current;
  return { identity: identityOf(parent), weakness: weakness && { ...weakness, isTarget } };
}

export function identityOf({ dev, ino }: FileStat): string {
  return `${String(dev)}:${String(ino)}`;
}

function names(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

/**
 * Root must own it, and nobody else write. In a sticky directory, such as /tmp, anybody may make entries but only
 * their owner can replace them, so that it is as good as another when what follows in it is root's. Of a symlink
 * only that counts: its mode means nothing, and its owner cannot change it.
 */
function findWeakness(path: string, stat: FileStat, parent?: FileStat): Omit<Weakness, 'isTarget'> | undefined {
  const type = stat.mode & TYPE;
  const isInSticky = parent !== undefined && (parent.mode & STICKY) !== 0n && isShared(parent);
  if (stat.uid !== 0n && (type !== LINK || isInSticky)) return { path, got: `owner uid ${String(stat.uid)}` };
  if (type === LINK || !isShared(stat)) return undefined;
  if (type === DIRECTORY && (stat.mode & STICKY) !== 0n) return undefined;
  return { path, got: `mode ${(stat.mode & 0o7777n).toString(8).padStart(4, '0')}` };
}

function isShared({ mode }: FileStat): boolean {
  return (mode & WRITABLE_BY_OTHERS) !== 0n;
}
