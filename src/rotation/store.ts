import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as v from 'valibot';
import type { AtomicFiles, Log } from '../core/contracts.ts';
import { AgentError, describeForeign, isErrno, type ErrorInfo } from '../core/errors.ts';
import { syncDirectory } from '../sinks/directories.ts';
import { withoutBackoff } from './owed.ts';
import { EMPTY_STATE, stateSchema, type AgentState } from './state.ts';

/**
 * Keeps the state in memory and on disk. A failed write is remembered in {@link StateStore.trouble} and never thrown:
 * files are kept fresh even where the state cannot be.
 */
export class StateStore {
  readonly #path: string;
  readonly #files: AtomicFiles;
  #state: AgentState;
  #queued: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #trouble: ErrorInfo | undefined;

  private constructor(path: string, files: AtomicFiles, state: AgentState) {
    this.#path = path;
    this.#files = files;
    this.#state = state;
  }

  /** A state that cannot be used (torn, foreign, of a newer version) is set aside with a warning: nothing is lost. */
  static async open(directory: string, files: AtomicFiles, log: Log): Promise<StateStore> {
    const path = join(directory, 'state.json');
    await mkdir(directory, { recursive: true, mode: 0o700 }).catch(() => undefined);
    await sweepBeside(path);
    return new StateStore(path, files, withoutBackoff(await readOrSetAside(path, log)));
  }

  get directory(): string {
    return dirname(this.#path);
  }

  get state(): AgentState {
    return this.#state;
  }

  /** Why the state on disk is behind the one in memory; undefined when it is not. */
  get trouble(): ErrorInfo | undefined {
    return this.#trouble;
  }

  /** Changes the state at once; resolves when it is on disk, synced, or when that has failed. */
  async update(change: (state: AgentState) => AgentState): Promise<void> {
    this.#state = change(this.#state);
    // Whoever comes while a write waits its turn shares that write; it takes the state of the moment it begins.
    this.#queued ??= this.#writing.then(() => {
      this.#queued = undefined;
      this.#writing = this.#write();
      return this.#writing;
    });
    await this.#queued;
  }

  async #write(): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(this.#state, undefined, 1)}\n`);
    try {
      await this.#files.replace(this.#path, (temp) => writeSynced(temp, bytes, 0o600));
      // Without this a power cut could bring back the state before what is owed.
      await syncDirectory(dirname(this.#path));
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = {
        code: 'STATE_UNWRITABLE',
        message: `${this.#path}: cannot be written: ${describeForeign(error)}`,
        hint: 'sinks are still written, but after a restart consumers may be told twice: free space or mend rights there',
      };
    }
  }
}

/** Removes the state and those that were set aside; the lock stays, which says nothing. Gives the trouble with it. */
export async function removeState(directory: string): Promise<ErrorInfo | undefined> {
  try {
    const names = (await readdir(directory)).filter((name) => name.startsWith('state.json'));
    for (const name of names) await rm(join(directory, name));
    return undefined;
  } catch (error) {
    const message = `${directory}: expected to remove the state, got ${describeForeign(error)}`;
    return { code: 'STATE_UNWRITABLE', message, hint: 'remove the files in it by hand' };
  }
}

/** Fills an empty temp file: mode, every byte, synced. */
export async function writeSynced(path: string, bytes: Buffer, mode: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.chmod(mode);
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await file.write(bytes, done);
      if (bytesWritten === 0) throw new AgentError('STATE_UNWRITABLE', `${path}: the disk took no more bytes`);
      done += bytesWritten;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Removes the temp files that a kill has left beside a file of our own; for whoever holds the lock. Never rejects. */
export async function sweepBeside(path: string): Promise<void> {
  const directory = dirname(path);
  const names = await readdir(directory).catch(() => []);
  const own = `${basename(path)}.`;
  const left = names.filter((name) => name.startsWith(own) && /^\d+$/.test(name.slice(own.length)));
  await Promise.all(left.map((name) => rm(join(directory, name)).catch(() => undefined)));
}

/** The state as it stands, to look at; an empty one where there is none that can be used. */
export async function readState(directory: string): Promise<AgentState> {
  return parse(join(directory, 'state.json')).catch(() => EMPTY_STATE);
}

async function parse(path: string): Promise<AgentState> {
  return v.parse(stateSchema, JSON.parse(await readFile(path, 'utf8')));
}

async function readOrSetAside(path: string, log: Log): Promise<AgentState> {
  try {
    return await parse(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return EMPTY_STATE;
    const aside = `${path}.unusable-${String(Date.now())}`;
    const moved = await rename(path, aside).then(
      () => `set aside as ${aside}`,
      (failure: unknown) => `not set aside: ${describeForeign(failure)}`,
    );
    log.warn(`${path} cannot be used (${describeForeign(error)}), ${moved}; starting anew`, {
      event: 'state_unusable',
    });
    return EMPTY_STATE;
  }
}
