import { dirname, join } from 'node:path';
import { AgentError } from '../core/errors.ts';
import { shellWord } from '../core/shell-word.ts';
import { findHome, type Home } from '../paths/homes.ts';
import type { Making, Place } from './place.ts';

type Wanted = Pick<Place, 'file' | 'directory' | 'missing' | 'path' | 'ids'>;

/**
 * Who is to have the missing directories of a sink. Root makes them on a way that is all root's, and keeps them, so that
 * nobody can exchange what is in them. Elsewhere one is made, for the user whose tree it is in. Throws SINK_UNSAFE_PATH.
 * `isMember`: whether the file's owner is in the file's group.
 */
export function planMaking(place: Wanted, self: number, isMember: boolean): Making {
  const { file, ids, missing } = place;
  if (self !== 0) {
    if (missing.length > 1)
      throw unmade(place, `sudo -u '#${self}' install -d -m 700 ${shellWord(dirname(place.path))}`);
    return { owner: { uid: self, gid: ids.gid }, mode: (file.mode & 0o070) === 0 ? 0o700 : 0o750 };
  }
  const home = findHome(missing.map((_, index) => join(place.directory.path, ...missing.slice(0, index + 1))));
  if (home) throw homeless(place, home);
  const isForMembers = (ids.uid === 0 || isMember) && (file.mode & 0o007) === 0;
  return { owner: { uid: 0, gid: ids.gid }, mode: isForMembers ? 0o750 : 0o711 };
}

/** Its user would find it root's, and would never get what a new home has. */
function homeless(place: Wanted, { path, user }: Home): AgentError {
  const make = user && `sudo install -d -m 700 -o ${shellWord(user.name)} -g ${user.gid} ${shellWord(path)}`;
  const message = `${place.file.path}: expected the home ${path} to be there, got nothing`;
  const hint = make === undefined ? 'make its user first: useradd --create-home' : `make it for its user: ${make}`;
  return new AgentError('SINK_UNSAFE_PATH', message, { hint });
}

function unmade({ file, missing, directory }: Wanted, make: string): AgentError {
  const message = `${file.path}: expected its directory to be there, or the one above it, got neither below ${directory.path}`;
  return new AgentError('SINK_UNSAFE_PATH', `${message} (${missing.length} are missing)`, {
    hint: `make them: ${make}`,
  });
}
