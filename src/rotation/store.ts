import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as v from 'valibot';
import type { AtomicFiles, Log } from '../core/contracts.ts';
import { describeForeign, isErrno, type ErrorInfo } from '../core/errors.ts';
import { isTempOf } from '../files/sweep.ts';
import { fill } from '../files/write.ts';
import { syncDirectory } from '../sinks/directories.ts';
import { withoutBackoff } from './pending.ts';
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
  static open(directory: string, files: AtomicFiles, log: Log): StateStore {
    const path = join(directory, 'state.json');
    makeDirectory(directory);
    sweepBeside(path);
    return new StateStore(path, files, withoutBackoff(readOrSetAside(path, log)));
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
      await this.#files.replace(this.#path, ({ fd }) => fill(fd, { bytes, mode: 0o600 }));
      // Without this a power cut could bring back the state before what is owed.
      await syncDirectory(dirname(this.#path));
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = {
        code: 'STATE_UNWRITABLE',
        message: `${this.#path}: cannot be written: ${describeForeign(error)}`,
        hint: 'sinks are still written, but after a restart consumers may be notified twice: free space or mend rights there',
      };
    }
  }
}

/** Where it cannot be made, the first write says why. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch {}
}

/** Removes the state and those that were set aside; the lock stays, which says nothing. Gives the trouble with it. */
export function removeState(directory: string): ErrorInfo | undefined {
  try {
    const names = readdirSync(directory).filter((name) => name.startsWith('state.json'));
    for (const name of names) rmSync(join(directory, name));
    return undefined;
  } catch (error) {
    const message = `${directory}: expected to remove the state, got ${describeForeign(error)}`;
    return { code: 'STATE_UNWRITABLE', message, hint: 'remove the files in it by hand' };
  }
}

/** Removes the temp files that a kill has left beside a file of our own; for whoever holds the lock. Never throws. */
export function sweepBeside(path: string): void {
  const directory = dirname(path);
  const own = basename(path);
  for (const name of namesIn(directory)) {
    if (isTempOf(name, own)) removeIfPossible(join(directory, name));
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function removeIfPossible(path: string): void {
  try {
    rmSync(path);
  } catch {}
}

/** The state as it stands, to look at; an empty one where there is none that can be used. */
export function readState(directory: string): AgentState {
  try {
    return parse(join(directory, 'state.json'));
  } catch {
    return EMPTY_STATE;
  }
}

function parse(path: string): AgentState {
  return v.parse(stateSchema, JSON.parse(readFileSync(path, 'utf8')));
}

function readOrSetAside(path: string, log: Log): AgentState {
  try {
    return parse(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return EMPTY_STATE;
    log.warn(`${path} cannot be used (${describeForeign(error)}), ${setAside(path)}; starting anew`, {
      event: 'state_unusable',
    });
    return EMPTY_STATE;
  }
}

function setAside(path: string): string {
  const aside = `${path}.unusable-${String(Date.now())}`;
  try {
    renameSync(path, aside);
    return `set aside as ${aside}`;
  } catch (error) {
    return `not set aside: ${describeForeign(error)}`;
  }
}
