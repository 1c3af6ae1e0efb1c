import { join } from 'node:path';
import * as v from 'valibot';
import type { Log } from '../core/contracts.ts';
import { AgentError, attempt, type ErrorInfo, isErrno, toErrorInfo } from '../core/errors.ts';
import type { OwnDirectory } from '../files/own.ts';
import { isTempOf } from '../files/sweep.ts';
import { EMPTY_STATE, stateSchema, withoutBackoff, type AgentState } from './state.ts';

export const STATE = 'state.json';

/**
 * Keeps the state in memory and on disk. A failed write is remembered in {@link StateStore.trouble} and never thrown:
 * files are kept up to date even where the state cannot be saved.
 */
export class StateStore {
  readonly directory: OwnDirectory;
  /** There was a state, and it could not be used. */
  readonly wasUnusable: boolean;
  #state: AgentState;
  /** The text of the state on disk. */
  #saved: string;
  #queued: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #trouble: ErrorInfo | undefined;

  private constructor(directory: OwnDirectory, state: AgentState | undefined) {
    this.directory = directory;
    this.wasUnusable = state === undefined;
    this.#state = withoutBackoff(state ?? EMPTY_STATE);
    this.#saved = textOf(this.#state);
  }

  /** A state that cannot be used (torn, foreign, of a newer version) is set aside with a warning: nothing is lost. */
  static open(directory: OwnDirectory, log: Log): StateStore {
    directory.sweep(STATE);
    return new StateStore(directory, readOrSetAside(directory, log));
  }

  get state(): AgentState {
    return this.#state;
  }

  /** Why the state on disk is behind the one in memory; undefined when it is not. */
  get trouble(): ErrorInfo | undefined {
    return this.#trouble;
  }

  /**
   * Changes the state at once; resolves when it is on disk, synced, or when that has failed. An equal state is not
   * written again.
   */
  async update(change: (state: AgentState) => AgentState): Promise<void> {
    this.#state = change(this.#state);
    // Updates share a write that waits its turn; it takes the state of the moment it begins.
    this.#queued ??= this.#writing.then(() => {
      this.#queued = undefined;
      this.#writing = this.#write();
      return this.#writing;
    });
    await this.#queued;
  }

  async #write(): Promise<void> {
    const text = textOf(this.#state);
    try {
      if (text !== this.#saved) await this.#save(text);
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = troubleOf(join(this.directory.path, STATE), error);
    }
  }

  /** Synced with its directory: else a power cut could bring back the state before what is pending. */
  async #save(text: string): Promise<void> {
    await this.directory.write(STATE, { bytes: Buffer.from(text), mode: 0o600 });
    this.#saved = text;
  }
}

function troubleOf(path: string, error: unknown): ErrorInfo {
  const { code, message, hint } = toErrorInfo(error);
  const cannot = `${path}: cannot be written: ${message}`;
  const kept = 'the sinks are written all the same';
  if (code === 'STATE_UNSAFE') return { code, message: cannot, hint: hint ?? kept };
  if (hasNoPlace(error)) {
    const forgotten = 'the next run does not know which keys it has written, and notifies every consumer once more';
    return { code: 'STATE_ABSENT', message: cannot, hint: `${kept}, but ${forgotten}: STATE_DIRECTORY names a place` };
  }
  const after = 'after a restart consumers may be notified twice: free space or mend rights there';
  return { code: 'STATE_UNWRITABLE', message: cannot, hint: `${kept}, but ${after}` };
}

/** There is no such directory, or we may not write there: neither full nor unsafe, and often meant so, as in a container. */
function hasNoPlace(error: unknown): boolean {
  const cause = error instanceof AgentError ? error.cause : error;
  return isErrno(cause, 'ENOENT', 'EROFS', 'EACCES');
}

function textOf(state: AgentState): string {
  return `${JSON.stringify(state, undefined, 1)}\n`;
}

/** Removes the state and those that were set aside; the lock stays, which says nothing. Returns the failure. */
export function removeState(directory: OwnDirectory): ErrorInfo | undefined {
  try {
    using opened = directory.open();
    for (const name of opened.names().filter((one) => one.startsWith(STATE) || isTempOf(one, STATE)))
      opened.unlink(name);
    return undefined;
  } catch (error) {
    const message = `${directory.path}: expected to remove the state, got ${toErrorInfo(error).message}`;
    return { code: 'STATE_UNWRITABLE', message, hint: 'remove the files in it by hand' };
  }
}

/** The current state, for reading; an empty state if there is no usable one. */
export function readState(directory: OwnDirectory): AgentState {
  return attempt(() => read(directory), EMPTY_STATE);
}

function read(directory: OwnDirectory): AgentState {
  const bytes = directory.read(STATE);
  return bytes === undefined ? EMPTY_STATE : v.parse(stateSchema, JSON.parse(bytes.toString()));
}

function readOrSetAside(directory: OwnDirectory, log: Log): AgentState | undefined {
  try {
    return read(directory);
  } catch (error) {
    const path = join(directory.path, STATE);
    log.warn(`${path} cannot be used (${toErrorInfo(error).message}), ${setAside(directory)}; starting over`, {
      event: 'state_unusable',
    });
    return undefined;
  }
}

function setAside(directory: OwnDirectory): string {
  const aside = `${STATE}.unusable-${String(Date.now())}`;
  try {
    using opened = directory.open();
    opened.rename(STATE, aside);
    return `set aside as ${join(directory.path, aside)}`;
  } catch (error) {
    return `not set aside: ${toErrorInfo(error).message}`;
  }
}
