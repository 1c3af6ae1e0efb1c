import { join } from 'node:path';
import { SYSTEM_DIRECTORIES, type Directories } from '../core/directories.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import { parseStatus } from '../report/status.ts';
import type { Status } from '../report/status.ts';
import { STATUS } from './own.ts';
import { readStatusText } from './publish.ts';
import type { World } from './world.ts';

/** A status, and whose agent it is of. */
export interface FoundStatus {
  readonly status: Status;
  readonly directories: Directories;
}

/**
 * The status of whoever asks; who has no agent of their own is shown that of the host. Throws AGENT_ABSENT where none is,
 * or none that can be used.
 */
export function readStatus(world: World): FoundStatus {
  const directories = spokenOf(world);
  const path = join(directories.runtime, STATUS);
  const text = textOf(world, directories);
  const status = parseStatus(text);
  if (status) return { status, directories };
  throw new AgentError('AGENT_ABSENT', `${path}: expected a status of this version of credrotate, got something else`, {
    hint: 'have it written anew: credrotate refresh, or credrotate once',
  });
}

/** Of the agent that this user speaks of: their own where it has left a status, else the host's. */
export function spokenOf(world: World): Directories {
  const { directories, env } = world;
  const isChosen = Boolean(env['RUNTIME_DIRECTORY']) || directories.runtime === SYSTEM_DIRECTORIES.runtime;
  return isChosen || isThere(world) ? directories : SYSTEM_DIRECTORIES;
}

/** Undefined for root, who has no other. */
export function describeWhose({ uid }: World, { runtime }: Directories): string | undefined {
  if (uid === 0) return undefined;
  if (runtime === SYSTEM_DIRECTORIES.runtime) return `the host's, in ${runtime}`;
  return `your own (uid ${uid}), in ${runtime}; for the host's: sudo credrotate`;
}

function isThere(world: World): boolean {
  try {
    return readStatusText(world) !== undefined;
  } catch {
    return true;
  }
}

function textOf(world: World, directories: Directories): string {
  const path = join(directories.runtime, STATUS);
  let text: string | undefined;
  try {
    text = readStatusText({ ...world, directories });
  } catch (error) {
    const got = toErrorInfo(error).message;
    throw new AgentError('AGENT_ABSENT', `${path}: no status there: ${got}`, { hint: 'see who may read it: ls -l' });
  }
  if (text !== undefined) return text;
  const isOther = directories.runtime !== world.directories.runtime;
  const nor = isOther ? `, nor in ${world.directories.runtime}` : '';
  throw new AgentError('AGENT_ABSENT', `${path}: no status there${nor}: ENOENT on open`, {
    hint: 'make a first pass: sudo credrotate once',
  });
}
