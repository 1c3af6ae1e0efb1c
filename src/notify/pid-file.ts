import * as fs from 'node:fs';
import { promisify } from 'node:util';
import { AgentError } from '../core/errors.ts';
import { runTool } from '../host/tool.ts';
import type { NotifyDeps } from './contract.ts';
import { followPath, unlessAbsent } from './path.ts';

const open = promisify(fs.open);
const fstat = promisify(fs.fstat);
const read = promisify(fs.read);

/** What a pid file says, and how much that is worth. */
export interface PidFile {
  /** As it stands there; undefined when there is no number (yet). */
  readonly pid: number | undefined;
  /** Epoch milliseconds. */
  readonly writtenAt: number;
  /** The file is this user's word and reaches this user's processes alone; unset: root's or our own. */
  readonly user?: number;
}

/** Some programs write more behind the number, in lines of its own. */
const BYTES = 64;
const WRITABLE_BY_OTHERS = 0o022;

/** Undefined when there is none. Rejects with CONSUMER_UNSAFE, CONSUMER_UNINSPECTABLE and errno errors. */
export async function readPidFile(deps: NotifyDeps, path: string, signal: AbortSignal): Promise<PidFile | undefined> {
  const route = await followPath(path, [0, deps.self.uid]);
  if (!route) return undefined;
  if (route.stranger === undefined) return await readOwn(path, route.path);
  if (deps.self.uid === 0) return await readAs(deps, route.stranger, { path, signal });
  throw new AgentError(
    'CONSUMER_UNSAFE',
    `${path}: expected a path of root or the agent, got one of uid ${route.stranger}`,
    {
      hint: 'run the agent as root, or as that user',
    },
  );
}

async function readOwn(path: string, resolved: string): Promise<PidFile | undefined> {
  // Does not wait for the writer of a FIFO.
  const flags = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOFOLLOW;
  const fd = await open(resolved, flags).catch(unlessAbsent);
  if (fd === undefined) return undefined;
  try {
    const stat = await fstat(fd);
    if (!stat.isFile()) throw notRegular(path);
    const { buffer, bytesRead } = await read(fd, Buffer.alloc(BYTES), 0, BYTES, 0);
    return { pid: parsePid(buffer.toString('latin1', 0, bytesRead)), writtenAt: stat.mtimeMs };
  } finally {
    fs.closeSync(fd);
  }
}

/** Milliseconds. A user's directory may be a filesystem that never answers. */
const PATIENCE = 5_000;
const ABSENT = 3;
const NOT_REGULAR = 4;
const SCRIPT =
  `[ -e "$1" ] || exit ${ABSENT}; [ -f "$1" ] || exit ${NOT_REGULAR}; ` +
  `stat -L -c "%u %a %Y" -- "$1" && exec head -c ${BYTES} -- "$1"`;

/**
 * Behind a component that is a user's, everything can be a trap of that user's: it is read by a child that can do no
 * more than the user can, and what it says is the user's word.
 */
async function readAs(
  deps: NotifyDeps,
  uid: number,
  { path, signal }: { readonly path: string; readonly signal: AbortSignal },
): Promise<PidFile | undefined> {
  const ids = await deps.users.user(uid);
  if (!ids) throw new AgentError('CONSUMER_UNSAFE', `${path}: expected a user of this machine, got uid ${uid}`);
  const result = await runTool(deps, ['sh', '-c', SCRIPT, 'sh', path], { timeout: PATIENCE, signal, ids });
  if (result.exitCode === ABSENT) return undefined;
  if (result.exitCode === NOT_REGULAR) throw notRegular(path);
  const [, owner, mode, mtime, content] = /^(\d+) ([0-7]+) (\d+)\n([^]*)$/.exec(result.output) ?? [];
  if (result.exitCode !== 0 || owner === undefined || mode === undefined || content === undefined) {
    throw new AgentError('CONSUMER_UNINSPECTABLE', `${path}: expected to read it as uid ${uid}, got no answer`, {
      hint: `look at it as that user: ls -l ${path}`,
    });
  }
  refuseOthers(path, uid, { owner: Number(owner), mode: Number.parseInt(mode, 8) });
  return { pid: parsePid(content), writtenAt: Number(mtime) * 1000, user: uid };
}

function refuseOthers(path: string, uid: number, file: { readonly owner: number; readonly mode: number }): void {
  if ([0, uid].includes(file.owner) && (file.mode & WRITABLE_BY_OTHERS) === 0) return;
  throw new AgentError(
    'CONSUMER_UNSAFE',
    `${path}: expected a file that only root or uid ${uid} can write, got another`,
    {
      hint: `chmod go-w ${path}, and chown it to uid ${uid}`,
    },
  );
}

/** The first line. What else stands in the file is not repeated anywhere: it may be any file. */
function parsePid(content: string): number | undefined {
  const [, digits] = /^[ \t]*(\d{1,10})[ \t\r]*(?:\n|$)/.exec(content) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function notRegular(path: string): AgentError {
  return new AgentError('CONSUMER_UNSAFE', `${path}: expected a regular file, got another kind`, {
    hint: 'correct pid_file',
  });
}
