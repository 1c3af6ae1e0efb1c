import type { Directory, Held } from './held.ts';
import type { Refusal } from './refusal.ts';

/** The identity that a walk judges for. */
export interface Walker {
  /** Beside root the only one whose entries count. */
  readonly uid: number;
  /** Groups whose members may make entries in a directory as its owner may. */
  readonly groups?: readonly number[] | 'any';
  /** Mount points, by their real paths, that are this pod's alone: see volume.ts. */
  readonly volumes?: readonly string[];
  /** Perhaps one, that nobody has named: if not, the usual rules count. */
  readonly unnamedVolume?: string | undefined;
  /**
   * It can be done without: a process of its own, with a deadline. Others stop where a file system may let them wait.
   */
  readonly mayWait?: boolean;
}

/** The walk did not reach the end of the path. */
export type Ended = Elsewhere | { readonly kind: 'refused'; readonly refusal: Refusal };

/** A directory on the way, as it was: who may pass it. */
export interface PassedDirectory {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
  /** It may let in others than the mode says. */
  readonly hasAcl: boolean;
}

interface OnTheWay {
  /** Every directory and symlink on the way. */
  readonly passed: readonly string[];
}

export interface ReachedDirectory extends OnTheWay {
  readonly kind: 'directory';
  /** The nearest that is there. */
  readonly held: Directory;
  /** Names of directories that are not there yet, outermost first, each in the one before. */
  readonly missing: readonly string[];
  /** The directories on the way, with the nearest that exists. */
  readonly directories: readonly PassedDirectory[];
  /** The nearest is a private volume: what is made in it is closed to all others. */
  readonly isVolume: boolean;
}

/** Anything but a directory. Beside root and the walker nobody can write it. */
export interface ReachedFile extends OnTheWay {
  readonly kind: 'file';
  readonly held: Held;
}

interface Stop extends OnTheWay {
  readonly at: string;
}

/**
 * Nothing behind `at` was looked at. `user`: that user decides what is there; `isClaim`: only by coming first, where
 * others make entries too. `remote`: a file system that may let us wait is mounted there. `volume`: a private volume,
 * in which root does not act itself. `absent`: there is no such file, and `at` is the nearest directory.
 */
export type Elsewhere =
  | (Stop & { readonly kind: 'user'; readonly uid: number; readonly isClaim: boolean })
  | (Stop & { readonly kind: 'remote' | 'volume' | 'absent' });

/** `..` is one: what it means is known only on the way. */
export function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
