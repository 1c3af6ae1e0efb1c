import { lstatSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AgentError, describeForeign } from '../core/errors.ts';
import type { Way } from '../core/way.ts';
import { readRemoteMounts } from './mounts.ts';
import { walk, type Walk } from './trust.ts';

/** Throws SINK_UNREADABLE, and SINK_UNSAFE_PATH where nothing can be said of what would be opened. */
export function wayTo(path: string): Way {
  const walked = look(path);
  const { remote, foreign, missing } = walked;
  const passed = walked.components.map((component) => component.path);
  if (remote !== undefined) return { path, opening: remote, worker: 'remote', overrides: false, passed };
  if (foreign) {
    refuseLink(path, foreign.path);
    return { path, opening: foreign.path, worker: 'user', overrides: false, passed };
  }
  const opening = dirname(missing[0] ?? join(walked.path, basename(path)));
  return { path, opening, worker: 'root', overrides: isForeign(path) || isClosed(opening), passed };
}

function look(path: string): Walk {
  try {
    return walk(dirname(path), { uid: 0, groups: [], security: { hasAcl: () => false }, remote: readRemoteMounts() });
  } catch (error) {
    const message = `${dirname(path)}: expected a directory, got ${describeForeign(error)}`;
    throw new AgentError('SINK_UNREADABLE', message, { hint: 'see what is there: credrotate check', cause: error });
  }
}

function refuseLink(path: string, link: string): void {
  if (!lstatSync(link).isSymbolicLink()) return;
  throw new AgentError('SINK_UNSAFE_PATH', `${path}: expected directories, got ${link}, which is a user's symlink`, {
    hint: 'configure the path that it leads to (readlink -f shows it)',
  });
}

function isForeign(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && stat.uid !== 0;
}

/** As /root is in some distributions. */
function isClosed(directory: string): boolean {
  return (lstatSync(directory).mode & 0o300) !== 0o300;
}
