import { constants, fchmodSync, fstatSync, fsync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { UserIds } from '../core/contracts.ts';
import { onErrno, errnoError, type ErrorInfo } from '../core/errors.ts';
import { closedAtEnd } from '../paths/descriptor.ts';
import type { Directory, Held } from '../paths/held.ts';
import { errorOf, makeDirectory, openDirectory, openFile, type Use } from '../paths/policies.ts';
import type { Walker } from '../paths/walked.ts';
import { refuseSpecial } from './read.ts';
import { removeIfPossible, sweepBeside, tempOf } from './sweep.ts';

const EXCLUSIVELY = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export interface Content {
  readonly bytes: Buffer;
  /** From before the first byte on. */
  readonly mode: number;
  /** False: a power cut may take the file away, and nobody waits for the disk. */
  readonly isSynced?: boolean;
}

export interface OwnOptions {
  /** Of directories that are missing; where it is left out, none is made. */
  readonly mode?: number;
  readonly use?: Use;
  /** It may lie in a volume of this pod alone. */
  readonly mayBeInVolume?: true;
}

/**
 * A directory in which the agent works as itself: its state, what it publishes, drop-ins. Root and the agent alone may
 * be able to change what is there, or where it leads. It is looked at again each time, since that may change. All throw
 * AgentError where it is refused, and errno errors.
 */
export class OwnDirectory {
  readonly path: string;
  readonly #owner: Walker & UserIds;
  readonly #mode: number | undefined;
  readonly #use: Use;

  constructor(path: string, { uid, gid }: UserIds, { mode, use = 'own', mayBeInVolume }: OwnOptions = {}) {
    this.path = path;
    // A user can only keep themselves waiting.
    const unnamedVolume = mayBeInVolume && uid !== 0 ? dirname(path) : undefined;
    this.#owner = { uid, gid, mayWait: uid !== 0, unnamedVolume };
    this.#mode = mode;
    this.#use = use;
  }

  /** Goes with `using`. */
  open(): Directory {
    if (this.#mode !== undefined) return makeDirectory(this.#use, this.path, this.#owner, this.#mode);
    const found = openDirectory(this.#use, this.path, this.#owner);
    if (found.kind === 'directory' && found.missing.length === 0) return found.held;
    found[Symbol.dispose]();
    if (found.kind !== 'directory') throw errorOf(this.#use, this.path, found);
    throw errnoError('ENOENT', 'open');
  }

  /** Why it would be refused now, whatever of it is missing; makes nothing, and throws nothing. */
  trouble(): ErrorInfo | undefined {
    using found = openDirectory(this.#use, this.path, this.#owner);
    return found.kind === 'directory' ? undefined : errorOf(this.#use, this.path, found).toInfo();
  }

  /** Whether a file of the agent's or root's has this name. */
  has(name: string): boolean {
    using held = this.#find(name);
    return held !== undefined;
  }

  /** Undefined when there is no such file. */
  read(name: string): Buffer | undefined {
    using held = this.#find(name);
    if (!held) return undefined;
    using file = held.reopen(constants.O_RDONLY);
    refuseSpecial(join(this.path, name), fstatSync(file.fd, { bigint: true }), 'STATE_UNWRITABLE');
    return readFileSync(file.fd);
  }

  /** Whole or not at all, over any file of this name, and on disk when it resolves. */
  async write(name: string, content: Content): Promise<void> {
    using directory = this.open();
    const temp = tempOf(name);
    using file = closedAtEnd(openSync(directory.at(temp), EXCLUSIVELY, 0o600));
    try {
      await fill(file.fd, content);
      directory.rename(temp, name);
    } catch (error) {
      // Root and the agent alone make entries there: it is the one that was made.
      removeIfPossible(directory, temp);
      throw error;
    }
    // Without this a power cut can bring back the old file.
    if (content.isSynced !== false) await directory.sync();
  }

  /** Also when there is nothing by this name. */
  remove(name: string): void {
    using directory = this.open();
    onErrno(['ENOENT'], undefined, () => {
      directory.unlink(name);
    });
  }

  /** Removes temp files that a kill has left beside these; for whoever holds the lock. Never throws. */
  sweep(...names: readonly string[]): void {
    try {
      using directory = this.open();
      sweepBeside(directory, names);
    } catch {}
  }

  #find(name: string): Held | undefined {
    const path = join(this.path, name);
    const found = openFile(this.#use, path, this.#owner);
    if (found.kind === 'file') return found.held;
    if (found.kind === 'absent') return undefined;
    throw errorOf(this.#use, path, found);
  }
}

async function fill(fd: number, { bytes, mode, isSynced = true }: Content): Promise<void> {
  if ((fstatSync(fd).mode & 0o7777) !== mode) fchmodSync(fd, mode);
  writeAll(fd, bytes);
  if (isSynced) await promisify(fsync)(fd);
}

/** A full disk or a limit shows as a short count first, and as an error only when the rest is tried. */
export function writeAll(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) {
    const count = writeSync(fd, bytes, done);
    if (count === 0) throw errnoError('ENOSPC', 'write');
    done += count;
  }
}
