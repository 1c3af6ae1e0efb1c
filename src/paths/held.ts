import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { onErrno } from '../core/errors.ts';
import type { UserIds } from '../core/contracts.ts';
import { closedAtEnd, type Descriptor } from './descriptor.ts';
import { mountIdOf } from './mounts.ts';

/** Neither it nor O_CLOEXEC, which libuv adds, is among Node's constants; alike on x86-64 and arm64. */
export const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY, O_RDONLY } = fs.constants;

/** On another mount than its directory: whoever mounted it may be anybody. */
export class MountedOver extends Error {
  override readonly name = 'MountedOver';
}

interface Opened {
  readonly fd: number;
  holders: number;
}

/**
 * Something in the file tree, held by a descriptor that neither reads nor writes (O_PATH): whatever becomes of its
 * name, it is this. The numbers of descriptors are used again, so nothing below `/proc/self/fd` outlives the object,
 * and none is ever stored or shown: `path` is for that.
 */
export class Held implements Disposable {
  /** Without symlinks, as it was reached. */
  readonly path: string;
  /** In the kernel's table: known before the file system is asked anything. */
  readonly mountId: number;
  #opened: Opened | undefined;

  /** Takes the descriptor over, or a share in what another has open. Throws ENOENT where /proc is missing. */
  constructor(descriptor: number | Held, path: string) {
    this.#opened = descriptor instanceof Held ? descriptor.#opened : { fd: descriptor, holders: 0 };
    if (this.#opened) this.#opened.holders++;
    this.path = path;
    try {
      this.mountId = descriptor instanceof Held ? descriptor.mountId : mountIdOf(descriptor);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** As the kernel leads there, judged by nobody: for those who are not root. Throws errno errors. */
  static unjudged(path: string): Held {
    return new Held(fs.openSync(path, O_PATH), path);
  }

  get fd(): number {
    if (!this.#opened) throw new Error(`${this.path}: used after it was closed`);
    return this.#opened.fd;
  }

  /** For calls of Node that know no descriptors. */
  get link(): string {
    return `/proc/self/fd/${this.fd}`;
  }

  /** Asks the file system, so only for what is on one that answers. */
  stat(): fs.BigIntStats {
    return fs.fstatSync(this.fd, { bigint: true });
  }

  /** The same file, opened to be used; waits for no writer of a FIFO. */
  reopen(flags: number): Descriptor {
    return closedAtEnd(fs.openSync(this.link, flags | O_NONBLOCK | O_NOCTTY));
  }

  /** Throws EACCES, EROFS and the like where it cannot be used so (`W_OK`). */
  access(mode: number): void {
    fs.accessSync(this.link, mode);
  }

  [Symbol.dispose](): void {
    if (this.#opened && --this.#opened.holders === 0) fs.closeSync(this.#opened.fd);
    this.#opened = undefined;
  }
}

/** The room on a file system; infinite where it has no such limit, or does not say. */
export interface Room {
  readonly blocks: number;
  readonly blockBytes: number;
  /** Inodes. */
  readonly files: number;
}

/**
 * A directory to work in. By name only what cannot lead astray: O_PATH and O_EXCL open, rename, unlink, mkdir. Close it
 * when every promise that was given a name in it has settled.
 */
export class Directory extends Held {
  static root(): Directory {
    return new Directory(fs.openSync('/', O_PATH | O_DIRECTORY), '/');
  }

  /** The same for another holder, who closes it by themselves. */
  share(): Directory {
    return new Directory(this, this.path);
  }

  /** For such calls, as long as this is open. */
  at(name: string): string {
    if (['', '.', '..'].includes(name) || name.includes('/')) throw new Error(`${this.path}: expected a name in it`);
    return `${this.link}/${name}`;
  }

  pathOf(name: string): string {
    return this.path === '/' ? `/${name}` : `${this.path}/${name}`;
  }

  /** As its file system says, without what it keeps for root: the agent's unit may not use that. */
  room(): Room {
    const { blocks, bavail, bsize, files, ffree } = fs.statfsSync(this.link);
    return { blocks: blocks === 0 ? Infinity : bavail, blockBytes: bsize, files: files === 0 ? Infinity : ffree };
  }

  /** Undefined when there is nothing. Throws errno errors, and MountedOver: then nothing was asked of the file. */
  find(name: string): Held | undefined {
    const held = this.open(name);
    if (held === undefined || held.mountId === this.mountId) return held;
    held[Symbol.dispose]();
    throw new MountedOver(`${held.path}: on another mount than its directory`);
  }

  /**
   * As above, on whatever mount; a symlink itself. Whether it is a directory nobody knows yet, so that all can be used
   * as one. Triggers no automount, unless `flags` has O_DIRECTORY.
   */
  open(name: string, flags = 0): Directory | undefined {
    const open = (): number => fs.openSync(this.at(name), O_PATH | O_NOFOLLOW | flags);
    const fd = onErrno(['ENOENT'], undefined, open);
    return fd === undefined ? undefined : new Directory(fd, this.pathOf(name));
  }

  /** Tells the names of entries that change, until aborted; whatever becomes of this descriptor. Throws errno errors. */
  watch(changed: (name: string | null) => void, signal: AbortSignal): void {
    fs.watch(`${this.link}/.`, { persistent: false, signal }, (_, name) => {
      changed(name);
    }).on('error', () => undefined);
  }

  names(): readonly string[] {
    return fs.readdirSync(`${this.link}/.`);
  }

  /** Over any existing file. */
  rename(name: string, to: string): void {
    fs.renameSync(this.at(name), this.at(to));
  }

  /** A directory in it. */
  removeIfEmpty(name: string): void {
    onErrno(['ENOTEMPTY'], undefined, () => {
      fs.rmdirSync(this.at(name));
    });
  }

  unlink(name: string): void {
    fs.unlinkSync(this.at(name));
  }

  /**
   * Makes a directory in it, of this mode whatever the umask, and gives it to its owner; synced. Throws EEXIST when
   * there is something by that name.
   */
  make(name: string, mode: number, owner: UserIds): Directory {
    fs.mkdirSync(this.at(name), mode);
    const made = this.open(name, O_DIRECTORY);
    if (made?.mountId !== this.mountId) throw new MountedOver(`${this.pathOf(name)}: not the directory just made`);
    const stat = made.stat();
    if ((Number(stat.mode) & 0o7777) !== mode) fs.chmodSync(made.link, mode);
    const { uid, gid } = owner;
    if (Number(stat.uid) !== uid || Number(stat.gid) !== gid) fs.chownSync(made.link, uid, gid);
    for (const directory of [made, this]) {
      using readable = directory.#openToRead();
      fs.fsyncSync(readable.fd);
    }
    return made;
  }

  /** Without this a power cut can bring back the old names. Rejects with errno errors. */
  async sync(): Promise<void> {
    using readable = this.#openToRead();
    await promisify(fs.fsync)(readable.fd);
  }

  #openToRead(): Descriptor {
    return closedAtEnd(fs.openSync(`${this.link}/.`, O_RDONLY | O_DIRECTORY));
  }
}
