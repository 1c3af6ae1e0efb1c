/**
 * The one authority for paths. Every path that comes from a configuration, the environment or a user is opened here, by
 * what it is used for:
 *
 *   using found = openFile('program', '/usr/bin/app', { uid: 0 });
 *   if (found.kind !== 'file') throw errorOf('program', '/usr/bin/app', found);
 *
 * Held files and directories go with `using`: a Directory to work in (`at`, `find`, `make`, `sync`), a Held file to be
 * read with files/read.ts. The walk is in walk.ts, the words of a refusal in refusal.ts.
 */
import type { UserIds } from '../core/contracts.ts';
import { AgentError, errnoError, type ErrorInfo } from '../core/errors.ts';
import type { Directory } from './held.ts';
import { explainRefusal, type Codes, type Refusal } from './refusal.ts';
import { walk } from './walk.ts';
import type { Elsewhere, Ended, ReachedDirectory, ReachedFile, Walker } from './walked.ts';

export type Use = 'sink' | 'program' | 'configuration' | 'own' | 'pid_file' | 'source';

interface Policy extends Codes {
  /** The owner of a part of the way decides, and acts there; else it is refused. */
  readonly mayBeUsers: boolean;
  /** It may lie in a private volume. */
  readonly mayBeInVolume?: true;
}

/** `own`: state, runtime and metrics. `program`: of hooks and signals, and what an interpreter is given to run. */
const POLICIES: Readonly<Record<Use, Policy>> = {
  sink: { mayBeUsers: true, mayBeInVolume: true, unsafe: 'SINK_UNSAFE_PATH', unseen: 'SINK_UNREADABLE' },
  pid_file: { mayBeUsers: true, unsafe: 'CONSUMER_UNSAFE', unseen: 'CONSUMER_UNINSPECTABLE' },
  source: { mayBeUsers: true, unsafe: 'SOURCE_DENIED', unseen: 'SOURCE_UNREACHABLE' },
  program: { mayBeUsers: false, unsafe: 'CONSUMER_UNSAFE', unseen: 'CONSUMER_UNINSPECTABLE' },
  configuration: { mayBeUsers: false, unsafe: 'CONFIG_UNSAFE', unseen: 'CONFIG_UNREADABLE' },
  own: { mayBeUsers: false, mayBeInVolume: true, unsafe: 'STATE_UNSAFE', unseen: 'STATE_UNWRITABLE' },
};

/** The error codes of a use. */
export function codesOf(use: Use): Codes {
  return POLICIES[use];
}

/** Go with `using`: what is held is closed then. */
export type FoundDirectory = Disposable & (ReachedDirectory | Elsewhere | Refused);
export type FoundFile = Disposable & (ReachedFile | Elsewhere | Refused);

export interface Refused {
  readonly kind: 'refused';
  readonly refusal: Refusal;
  readonly error: ErrorInfo;
}

/** The directory, or the nearest one on the way that is there. Throws nothing. */
export function openDirectory(use: Use, path: string, walker: Walker): FoundDirectory {
  return closing(judge(use, path, walk(path, 'directory', walkerFor(use, walker))));
}

/** Opens anything at the path but a directory; a symlink at its end is followed. Throws nothing. */
export function openFile(use: Use, path: string, walker: Walker): FoundFile {
  return closing(judge(use, path, walk(path, 'file', walkerFor(use, walker))));
}

function walkerFor(use: Use, { volumes, unnamedVolume, ...walker }: Walker): Walker {
  return POLICIES[use].mayBeInVolume ? { ...walker, volumes: volumes ?? [], unnamedVolume } : walker;
}

/**
 * The directory, with what is missing made, of `mode` and the walker's; in a private volume it is closed to others.
 * Throws AgentError and errno errors.
 */
export function makeDirectory(use: Use, path: string, walker: Walker & UserIds, mode: number): Directory {
  const found = openDirectory(use, path, walker);
  if (found.kind !== 'directory') throw errorOf(use, path, found);
  let directory = found.held;
  for (const name of found.missing) {
    using parent = directory;
    directory = parent.make(name, found.isVolume ? mode & 0o750 : mode, walker);
  }
  return directory;
}

/** Why the agent itself does not work there. */
export function errorOf(use: Use, path: string, found: Elsewhere | Refused): AgentError {
  const { code, message, hint } =
    found.kind === 'refused' ? found.error : explainRefusal(path, refusalOf(found), POLICIES[use]);
  const cause = found.kind === 'refused' && found.refusal.why === 'errno' ? found.refusal.error : undefined;
  return new AgentError(code, message.startsWith(`${path}:`) ? message : `${path}: ${message}`, { hint, cause });
}

function judge<R extends ReachedDirectory | ReachedFile>(
  use: Use,
  path: string,
  walked: R | Ended,
): R | Elsewhere | Refused {
  const policy = POLICIES[use];
  const refuse = (refusal: Refusal): Refused => {
    return { kind: 'refused', refusal, error: explainRefusal(path, refusal, policy) };
  };
  if (walked.kind === 'refused') return refuse(walked.refusal);
  const isOthers = walked.kind === 'user' || walked.kind === 'volume';
  return isOthers && !policy.mayBeUsers ? refuse(refusalOf(walked)) : walked;
}

function closing<F extends ReachedDirectory | ReachedFile | Elsewhere | Refused>(found: F): F & Disposable {
  return Object.assign(found, {
    [Symbol.dispose]() {
      if ('held' in found) found.held[Symbol.dispose]();
    },
  });
}

function refusalOf(found: Elsewhere): Refusal {
  const { at } = found;
  switch (found.kind) {
    case 'user':
      return { why: 'owner', at, uid: found.uid, self: 0 };
    case 'volume':
      return { why: 'volume', at, fault: 'root', got: 'root' };
    case 'remote':
      return { why: 'mount', at, got: 'one that may let us wait' };
    case 'absent':
      return { why: 'errno', at, error: errnoError('ENOENT', 'open'), end: 'file' };
  }
}
