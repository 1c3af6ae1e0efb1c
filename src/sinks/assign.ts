import { dirname } from 'node:path';
import type { SinkConfig } from '../core/config.ts';
import type { Actors, User, Users } from '../core/contracts.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import { Talk } from '../core/talk.ts';
import { errorOf, openDirectory } from '../paths/policies.ts';
import { type ActingLimits, AT_ONCE, inLanes, TALK_CODES, type LookTask } from './acting/message.ts';
import type { ApplyRequest, SinkDeps, PathTrust } from './contract.ts';
import { failed } from './place/failure.ts';
import { known, lookUp, type Names, once } from './place/owner.ts';
import { type Authority, authorityOf, walkerOf } from './place/places.ts';

/** Sinks for a process of this user: numbers in place of names, and no owner where that is the user. */
export interface Share {
  readonly user: User;
  readonly sinks: readonly SinkConfig[];
  /** Only for root: the mount where the process may hang. */
  readonly mount?: string;
}

/** Which process writes which sinks. */
export interface Assignment {
  /** Sinks that the agent writes or refuses itself. */
  readonly own: readonly SinkConfig[];
  readonly shares: readonly Share[];
  /** Sinks that no process may write. */
  readonly denied: readonly SinkOutcome[];
  readonly trust: PathTrust;
}

export interface Assigning extends Pick<ApplyRequest, 'sinks' | 'trustedGroups' | 'privateVolumes'> {
  /** The user who decides what is written: files of others get nothing of it. Unset: root or the agent. */
  readonly user?: number | undefined;
}

/**
 * Looks at the paths of the sinks only as far as they are root's. `keepsOwners`: each file keeps its owner, and the
 * configured one says only which user is meant. Never rejects.
 */
export async function assign(
  deps: SinkDeps,
  request: Assigning,
  limits: ActingLimits,
  keepsOwners: boolean,
): Promise<Assignment> {
  const { sinks, user, privateVolumes } = request;
  const { actors } = deps;
  const trust = { trustedGroups: await groupIds(deps.users, request.trustedGroups), privateVolumes };
  const strip = (sink: SinkConfig): SinkConfig => (keepsOwners ? withoutOwner(sink) : sink);
  // Without other processes all sinks are the agent's own, or refused.
  const authorities: Authorities = actors
    ? await survey({ ...deps, actors }, sinks, trust, limits)
    : new Map<string, Authority>();
  const names = lookUp(deps.users);
  const actorOf = actorFinder(deps.users, authorities, names);
  const own: SinkConfig[] = [];
  const denied: SinkOutcome[] = [];
  const shares = new Map<string, ActingUser & { sinks: SinkConfig[] }>();
  for (const sink of sinks) {
    try {
      const actor = await actorOf(sink);
      if (user !== undefined) refuseOthers(sink, await ownerOf(sink, actor, names), user);
      if (actor) {
        const key = `${actor.user.uid} ${actor.mount ?? ''}`;
        const share = shares.get(key) ?? { ...actor, sinks: [] };
        share.sinks.push(await localize(strip(sink), actor, names));
        shares.set(key, share);
      } else own.push(strip(sink));
    } catch (error) {
      denied.push(failed(sink, toErrorInfo(error)));
    }
  }
  return { own, shares: [...shares.values()], denied, trust };
}

/** The user to whom the file belongs. */
async function ownerOf(sink: SinkConfig, actor: ActingUser | undefined, names: Names): Promise<number> {
  if (actor && actor.user.uid !== 0) return actor.user.uid;
  return (await names.owner(sink))?.uid ?? process.geteuid?.() ?? 0;
}

/** The user who chooses the credentials chooses the account to which their readers go: root's backup, to somebody else's. */
function refuseOthers({ path, source }: SinkConfig, owner: number, user: number): void {
  if (owner === user) return;
  const deciding = owner === 0 ? 'root' : `root or uid ${owner}`;
  const message = `${path}: expected a source that ${deciding} decides, got ${source}, which uid ${user} decides`;
  const hint = `give the sink to that user, or the source to root; if they are to choose the account for it, add trusted_user: ${user} to the source`;
  throw new AgentError('SINK_UNTRUSTED_SOURCE', message, { hint });
}

/** An unknown group, or one that the name services do not answer for, is not trusted. */
async function groupIds(users: Users, names: ApplyRequest['trustedGroups']): Promise<readonly number[]> {
  const ids = await Promise.all(names.map((name) => users.group(name).catch(() => undefined)));
  return ids.filter((id) => id !== undefined);
}

type Authorities = ReadonlyMap<string, Authority>;

/**
 * Looks at each directory of the sinks; on a file system that may let us wait, through a process of root's that may hang
 * there. Never rejects.
 */
async function survey(
  deps: SinkDeps & { readonly actors: Actors },
  sinks: readonly SinkConfig[],
  trust: PathTrust,
  limits: ActingLimits,
): Promise<Authorities> {
  const walker = walkerOf(deps, trust);
  const authorities = new Map<string, Authority>();
  const remote = new Map<string, string[]>();
  for (const directory of new Set(sinks.map(({ path }) => dirname(path)))) {
    using found = openDirectory('sink', directory, walker);
    const authority = authorityOf(found);
    if (authority) authorities.set(directory, authority);
    else if ('at' in found) remote.set(found.at, [...(remote.get(found.at) ?? []), directory]);
  }
  await inLanes([...remote], AT_ONCE, async ([mount, directories]) => {
    const answers = await lookBehind(deps.actors, mount, { kind: 'look', directories, ...trust }, limits);
    for (const [index, authority] of answers.entries()) {
      authorities.set(directories[index] ?? '', authority.kind === 'self' ? { kind: 'self', mount } : authority);
    }
  });
  return authorities;
}

const ROOT: User = { uid: 0, gid: 0 };
const BYTES_PER_DIRECTORY = 16 * 1024;

/** The authority over each directory behind a mount point; never rejects. */
async function lookBehind(
  actors: Actors,
  mount: string,
  look: LookTask,
  { lookMs }: ActingLimits,
): Promise<readonly Authority[]> {
  const { directories } = look;
  const maxBytes = BYTES_PER_DIRECTORY * (1 + directories.length);
  try {
    const { parseLook } = await import('./acting/answer.ts');
    using talk = new Talk(actors, { user: ROOT, subject: mount, maxBytes, patienceMs: lookMs, codes: TALK_CODES });
    talk.say(JSON.stringify(look));
    return (await talk.hear((line) => parseLook(line, directories.length))).authorities;
  } catch (error) {
    return directories.map(() => ({ kind: 'refused', error: toErrorInfo(error) }));
  }
}

type ActingUser = Omit<Share, 'sinks'>;

/** The function returns undefined for sinks that the agent itself writes, and rejects with AgentError. */
function actorFinder(users: Users, authorities: Authorities, names: Names) {
  const findUser = once((uid: number) => users.user(uid));
  return async (sink: SinkConfig): Promise<ActingUser | undefined> => {
    const { path } = sink;
    const authority = authorities.get(dirname(path));
    if (authority === undefined) return undefined;
    if (authority.kind === 'self') {
      return authority.mount === undefined ? undefined : { user: ROOT, mount: authority.mount };
    }
    if (authority.kind === 'refused') {
      const { code, message, hint } = authority.error;
      throw new AgentError(code, `${path}: ${message}`, { hint });
    }
    if (authority.kind === 'volume') {
      const owner = await names.owner(sink);
      if (!owner || owner.uid === 0) throw errorOf('sink', path, { ...authority, passed: [] });
      return { user: await known(findUser(owner.uid), `${path}: owner`, owner.uid) };
    }
    return { user: await findController(sink, authority) };
  };

  async function findController(sink: SinkConfig, authority: UserAuthority): Promise<User> {
    const { path } = sink;
    const user = await known(findUser(authority.uid), `${path}: the owner of its directory`, authority.uid);
    if (authority.isClaim && (await names.owner(sink))?.uid !== user.uid) throw claimed(path, authority);
    const isNobody = user.isUnlisted ?? user.uid === NOBODY;
    if (isNobody && String(sink.owner) !== String(user.uid)) throw nobodys(path, authority);
    return user;
  }
}

/** Programs without a user of their own run as nobody, and an id without an entry may be given to any user tomorrow. */
const NOBODY = 65534;

type UserAuthority = Extract<Authority, { kind: 'user' }>;

function claimed(path: string, { uid, at }: UserAuthority): AgentError {
  const message = `${path}: expected ${at} to be root's, since others make entries beside it, got one of uid ${uid}`;
  const hint =
    `choose a directory that is made at each boot, in /etc/tmpfiles.d/credrotate.conf: d /run/app 0700 app; ` +
    `if it is that user's to have, name it: owner: ${uid}`;
  return new AgentError('SINK_UNSAFE_PATH', message, { hint });
}

function nobodys(path: string, { uid, at }: UserAuthority): AgentError {
  const message = `${path}: expected a user of this machine as the owner of ${at}, got uid ${uid}, which is nobody's`;
  return new AgentError('SINK_UNSAFE_PATH', message, { hint: `if a container runs as it, name it: owner: ${uid}` });
}

function withoutOwner({ owner: _owner, group: _group, ...rest }: SinkConfig): SinkConfig {
  return rest;
}

/** For a process that cannot look up names. */
async function localize(sink: SinkConfig, { user }: ActingUser, names: Names): Promise<SinkConfig> {
  const owner = await names.owner(sink);
  const gid = await names.group(sink);
  if (user.uid === 0) return owner ? { ...sink, owner: owner.uid, group: gid ?? owner.gid } : withGroup(sink, gid);
  if (owner && owner.uid !== user.uid) {
    const message = `${sink.path}: expected uid ${user.uid} as the owner, who controls its directory, got uid ${owner.uid}`;
    const hint = 'leave out owner, or choose a directory that belongs, with all its parents, to root';
    throw new AgentError('SINK_OWNER_DENIED', message, { hint });
  }
  if (user.isUnlisted && gid === undefined && (sink.mode & 0o070) !== 0) {
    const message = `${sink.path}: group: expected one for mode ${sink.mode.toString(8)}, got uid ${user.uid}, who has no entry and so no group`;
    throw new AgentError('SINK_OWNER_UNKNOWN', message, { hint: 'create the user, or use mode 0600' });
  }
  return withGroup(withoutOwner(sink), gid);
}

function withGroup(sink: SinkConfig, gid: number | undefined): SinkConfig {
  return gid === undefined ? sink : { ...sink, group: gid };
}
