import { constants } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AgentError, errnoError, type ErrorInfo, isErrno } from '../../core/errors.ts';
import type { UserIds, Users } from '../../core/contracts.ts';
import { octal, shellWord } from '../../core/printable.ts';
import { sweepEmpty } from '../../files/sweep.ts';
import { findHome, hasToItself, type Home } from '../../paths/accounts.ts';
import type { Directory, Held } from '../../paths/held.ts';
import { isAppendOnly } from '../../paths/libc.ts';
import { errorOf, type FoundDirectory, openDirectory } from '../../paths/policies.ts';
import type { PassedDirectory, Walker } from '../../paths/walked.ts';
import type { Making, Place, SinkDeps, SinkFile, PathTrust } from '../contract.ts';
import { explain } from './failure.ts';
import { lookUp, type Names, refuseImpossible, type Self, whoAmI } from './owner.ts';

/** The identity that walks to the sinks. Without other processes to send, this one waits itself. */
export function walkerOf({ actors }: Pick<SinkDeps, 'actors'>, { trustedGroups, privateVolumes }: PathTrust): Walker {
  return { uid: whoAmI().uid, groups: trustedGroups, volumes: privateVolumes, mayWait: actors === undefined };
}

export type Authority =
  /** The agent. `mount`: through a process of its own, since the file system mounted there may let it wait. */
  | { readonly kind: 'self'; readonly mount?: string }
  /** A process of this user. `isClaim`: only if the sink names that owner. */
  | { readonly kind: 'user'; readonly uid: number; readonly at: string; readonly isClaim: boolean }
  /** A process of the sink's owner, who is not root. */
  | { readonly kind: 'volume'; readonly at: string }
  | { readonly kind: 'refused'; readonly error: ErrorInfo };

/** Undefined where a look may never end. */
export function authorityOf(found: FoundDirectory): Authority | undefined {
  switch (found.kind) {
    case 'directory':
      return { kind: 'self' };
    case 'user':
      return { kind: 'user', uid: found.uid, at: found.at, isClaim: found.isClaim };
    case 'volume':
      return { kind: 'volume', at: found.at };
    case 'refused':
      return { kind: 'refused', error: found.error };
    case 'remote':
    case 'absent':
      return undefined;
  }
}

export type Where = Pick<Place, 'directory' | 'missing' | 'name' | 'path'>;

/** The path of each file by its directory's device and inode: symlinks and bind mounts give one file several paths. */
export type Holders = Map<string, string>;

/** Finds places and holds their directories, each after one walk. Its results are valid until it is disposed of. */
export class Places implements Disposable {
  readonly #self: Self = whoAmI();
  readonly #walker: Walker;
  readonly #names: Names;
  readonly #users: Users;
  readonly #holders: Holders;
  readonly #found = new Map<string, FoundDirectory>();
  readonly #confirmed = new Map<string, boolean>();
  /** Other directories that a place may still refer to. */
  readonly #others: Disposable[] = [];

  constructor(deps: SinkDeps, trust: PathTrust, holders: Holders) {
    this.#walker = walkerOf(deps, trust);
    this.#names = lookUp(deps.users);
    this.#users = deps.users;
    this.#holders = holders;
  }

  [Symbol.dispose](): void {
    for (const held of [...this.#found.values(), ...this.#others]) held[Symbol.dispose]();
  }

  /** Rejects with AgentError. */
  async placeOf(file: SinkFile): Promise<Place> {
    const ids = await this.#ownerOf(file);
    const { directories, ...spot } = this.spotOf(file.path);
    const place = { ...spot, file, ids };
    this.#refuseShared(place);
    const warnings = await warnUnreachable(place, directories, this.#users);
    if (place.missing.length === 0) return { ...place, warnings };
    const isMember = file.group === undefined || (await this.#users.isMember(ids.uid, ids.gid));
    return { ...place, warnings, making: planMaking(place, this.#self.uid, isMember) };
  }

  /** Rejects with SINK_OWNER_UNKNOWN and SINK_OWNER_DENIED. */
  async #ownerOf(file: SinkFile): Promise<UserIds> {
    const user = (await this.#names.owner(file)) ?? this.#self;
    const ids = { uid: user.uid, gid: (await this.#names.group(file)) ?? user.gid };
    refuseImpossible(file.path, ids, this.#self);
    return ids;
  }

  /** Throws AgentError. */
  spotOf(path: string): Where & { readonly directories: readonly PassedDirectory[] } {
    const found = this.#find(dirname(path));
    if (found.kind !== 'directory') throw errorOf('sink', path, found);
    const name = basename(path);
    const { held, missing, directories } = found;
    return { directory: held, missing, name, path: join(held.path, ...missing, name), directories };
  }

  /** The same place with its directory made. Throws AgentError and errno errors. */
  make<P extends Place>(place: P): P {
    const { file, making } = place;
    if (!making) return place;
    const { mode, owner } = making;
    const spot = this.#reopen(file.path);
    let { directory } = spot;
    for (const name of spot.missing) {
      directory = directory.make(name, mode, owner);
      this.#others.push(directory);
    }
    return { ...place, directory, missing: [] };
  }

  /** After the rename. Throws SINK_UNVERIFIED if the path leads to another directory by now. */
  confirm({ file, directory }: Pick<Place, 'file' | 'directory'>): void {
    const { uid, groups = [] } = this.#walker;
    // Only root could have moved it.
    if (uid === 0 && groups.length === 0) return;
    const path = dirname(file.path);
    const isStill = this.#confirmed.get(path) ?? this.#leadsTo(path, directory);
    this.#confirmed.set(path, isStill);
    if (isStill) return;
    const message = `${file.path}: expected its directory to stay where it was, got another one: the new credentials are in the one that was moved`;
    throw new AgentError('SINK_UNVERIFIED', message, { hint: 'find out who moves it, and wait for the next pass' });
  }

  /** Removes empty temp files that a kill has left beside these files. `now`: epoch milliseconds. */
  sweep(files: readonly SinkFile[], now: number): void {
    for (const [path, group] of Map.groupBy(files, (file) => dirname(file.path))) {
      const found = this.#found.get(path);
      if (found?.kind !== 'directory' || found.missing.length > 0) continue;
      const names = group.map((file) => basename(file.path));
      sweepEmpty(found.held, names, { uid: this.#self.uid, now });
    }
  }

  #leadsTo(path: string, directory: Directory): boolean {
    using found = openDirectory('sink', path, this.#walker);
    if (found.kind !== 'directory' || found.missing.length > 0) return false;
    const [now, then] = [found.held.stat(), directory.stat()];
    return found.held.mountId === directory.mountId && now.dev === then.dev && now.ino === then.ino;
  }

  #find(directory: string): FoundDirectory {
    const found = this.#found.get(directory) ?? openDirectory('sink', directory, this.#walker);
    this.#found.set(directory, found);
    return found;
  }

  /** Another sink may have made it by now. */
  #reopen(path: string): Pick<Place, 'directory' | 'missing'> {
    const found = this.#found.get(dirname(path));
    if (found?.kind === 'directory' && found.missing.length > 0) {
      this.#others.push(found);
      this.#found.delete(dirname(path));
    }
    return this.spotOf(path);
  }

  /** A file under two paths would be read twice and written twice. */
  #refuseShared({ file, directory, missing, name }: Where & Pick<Place, 'file'>): void {
    const { dev, ino } = directory.stat();
    const key = join(`${dev}:${ino}`, ...missing, name);
    const holder = this.#holders.get(key);
    this.#holders.set(key, file.path);
    if (holder === undefined || holder === file.path) return;
    const message = `${file.path}: expected a file of its own, got that of ${holder}`;
    throw new AgentError('SINK_UNSAFE_PATH', message, { hint: 'configure each file by one path, its real one' });
  }
}

/**
 * Finds errors that a write would certainly meet, so that a preview reports them too: no right to make files there, a
 * read-only mount, a file that cannot be replaced. Throws SINK_WRITE_FAILED.
 */
export function refuseUnwritable({ directory, missing, name, path }: Where): void {
  try {
    directory.access(constants.W_OK | constants.X_OK);
    if (isAppendOnly(directory.fd)) throw errnoError('EPERM', 'rename');
    using held = missing.length === 0 ? directory.find(name) : undefined;
    if (held) refuseImmutable(held);
  } catch (error) {
    throw explain(error, 'SINK_WRITE_FAILED', path);
  }
}

/** The file's mode does not matter: the directory's decides whether it can be renamed over. */
function refuseImmutable(file: Held): void {
  try {
    file.access(constants.W_OK);
  } catch (error) {
    if (!isErrno(error, 'EACCES')) throw error;
  }
}

type UnmadePlace = Pick<Place, 'file' | 'directory' | 'missing' | 'path' | 'ids'>;

/**
 * The owner and mode of a sink's missing directories. Root makes them below directories that are all root's, and owns
 * them, so that nobody can exchange their entries. A user's process makes one, as that user's. Throws SINK_UNSAFE_PATH.
 * `isMember`: whether the file's owner is in the file's group.
 */
function planMaking(place: UnmadePlace, self: number, isMember: boolean): Making {
  const { file, ids, missing } = place;
  if (self !== 0) {
    if (missing.length > 1) throw unmade(place, self);
    return { owner: { uid: self, gid: ids.gid }, mode: (file.mode & 0o070) === 0 ? 0o700 : 0o750 };
  }
  const home = findHome(missing.map((_, index) => join(place.directory.path, ...missing.slice(0, index + 1))));
  if (home) throw homeless(place, home);
  const isForMembers = (ids.uid === 0 || isMember) && (file.mode & 0o007) === 0;
  return { owner: { uid: 0, gid: ids.gid }, mode: isForMembers ? 0o750 : 0o711 };
}

/** A home that we make would be root's, and would lack the files of a new home. */
function homeless(place: UnmadePlace, { path, user }: Home): AgentError {
  const make = user && `sudo install -d -m 700 -o ${shellWord(user.name)} -g ${user.gid} ${shellWord(path)}`;
  const message = `${place.file.path}: expected the home ${path} to be there, got nothing`;
  const hint = make === undefined ? 'make its user first: useradd --create-home' : `make it for its user: ${make}`;
  return new AgentError('SINK_UNSAFE_PATH', message, { hint });
}

function unmade({ file, missing, directory, path }: UnmadePlace, self: number): AgentError {
  const message = `${file.path}: expected its directory to be there, or the one above it, got neither below ${directory.path} (${missing.length} are missing)`;
  const hint = `make them: sudo -u '#${self}' install -d -m 700 ${shellWord(dirname(path))}`;
  return new AgentError('SINK_UNSAFE_PATH', message, { hint });
}

const SEARCH = { owner: 0o100, group: 0o010, others: 0o001 };

/** A warning if a directory above the file shuts out its configured owner or group; never rejects. */
async function warnUnreachable(
  { file, ids }: Pick<Place, 'file' | 'ids'>,
  directories: readonly PassedDirectory[],
  users: Users,
): Promise<readonly string[]> {
  // An ACL may let in anybody.
  const closed = directories.filter(({ mode, hasAcl }) => (mode & SEARCH.others) === 0 && !hasAcl);
  const isForGroup = file.group !== undefined && ids.gid !== 0 && (file.mode & 0o070) !== 0;
  for (const directory of closed) {
    if (file.owner !== undefined && ids.uid !== 0 && !(await admits(directory, ids.uid, users)))
      return [warn(directory, `the owner ${file.owner}`)];
    if (isForGroup && !admitsGroup(directory, ids.gid) && !hasToItself(ids.uid, ids.gid))
      return [warn(directory, `the group ${file.group}`)];
  }
  return [];
}

async function admits({ uid, gid, mode }: PassedDirectory, user: number, users: Users): Promise<boolean> {
  if (uid === user) return (mode & SEARCH.owner) !== 0;
  return (mode & SEARCH.group) !== 0 && (await users.isMember(user, gid).catch(() => true));
}

function admitsGroup({ gid, mode }: PassedDirectory, group: number): boolean {
  return gid === group && (mode & SEARCH.group) !== 0;
}

function warn({ path, uid, gid, mode }: PassedDirectory, shutOut: string): string {
  const got = `mode ${octal(mode)}, owner ${uid}:${gid}`;
  return `${path} (${got}) shuts ${shutOut} out, who cannot reach the file: sudo chmod o+x ${shellWord(path)}`;
}
