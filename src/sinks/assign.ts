import { dirname } from 'node:path';
import type { SinkConfig } from '../core/config.ts';
import type { User, Users } from '../core/contracts.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import type { ActingLimits } from './acting/limits.ts';
import type { ApplyRequest, SinkDeps } from './contract.ts';
import { failed } from './place/failure.ts';
import { known, lookUp, type Names, once } from './place/owner.ts';
import type { Verdict } from './place/places.ts';
import { ROOT, survey, type Survey } from './survey.ts';

/** Sinks as a process of this user is to see them: with numbers where others have names, a user's own without owner. */
export interface Share {
  readonly user: User;
  readonly sinks: readonly SinkConfig[];
  /** Of root's own: where the process may hang. */
  readonly mount?: string;
}

/** Which sinks are whose to write. */
export interface Assignment {
  /** The agent's own, and those that it will refuse. */
  readonly own: readonly SinkConfig[];
  readonly shares: readonly Share[];
  /** Those that are nobody's. */
  readonly denied: readonly SinkOutcome[];
  /** Group ids. */
  readonly trustedGroups: readonly number[];
}

/**
 * Looks at the ways to the sinks only as far as they are root's. `keepsOwners`: each file keeps the owner that it has, and
 * the configured one says only who is meant. Never rejects.
 */
export async function assign(
  deps: SinkDeps,
  request: Pick<ApplyRequest, 'sinks' | 'trustedGroups'>,
  limits: ActingLimits,
  keepsOwners: boolean,
): Promise<Assignment> {
  const { sinks } = request;
  const trustedGroups = await groupIds(deps.users, request.trustedGroups);
  const strip = (sink: SinkConfig): SinkConfig => (keepsOwners ? withoutOwner(sink) : sink);
  // Without other processes all is the agent's own, or refused.
  if (!deps.actors) return { own: sinks.map(strip), shares: [], denied: [], trustedGroups };
  const seen = await survey({ ...deps, actors: deps.actors }, { sinks, trustedGroups, limits });
  const names = lookUp(deps.users);
  const workerOf = workerFinder(deps.users, seen, names);
  const own: SinkConfig[] = [];
  const denied: SinkOutcome[] = [];
  const shares = new Map<string, Worker & { sinks: SinkConfig[] }>();
  for (const sink of sinks) {
    try {
      const worker = await workerOf(sink);
      if (worker) {
        const key = `${worker.user.uid} ${worker.mount ?? ''}`;
        const share = shares.get(key) ?? { ...worker, sinks: [] };
        share.sinks.push(await localize(strip(sink), worker, names));
        shares.set(key, share);
      } else own.push(strip(sink));
    } catch (error) {
      denied.push(failed(sink, toErrorInfo(error)));
    }
  }
  return { own, shares: [...shares.values()], denied, trustedGroups };
}

/** A group that is unknown, or that nobody tells us of, is trusted with nothing. */
async function groupIds(users: Users, names: ApplyRequest['trustedGroups']): Promise<readonly number[]> {
  const ids = await Promise.all(names.map((name) => users.group(name).catch(() => undefined)));
  return ids.filter((id) => id !== undefined);
}

type Worker = Omit<Share, 'sinks'>;

/** What it gives is undefined where the agent itself is to act, and rejects with AgentError. */
function workerFinder(users: Users, survey: Survey, names: Names) {
  const findUser = once((uid: number) => users.user(uid));
  return async (sink: SinkConfig): Promise<Worker | undefined> => {
    const { path } = sink;
    const verdict = survey.get(dirname(path));
    if (verdict === undefined) return undefined;
    if (verdict.kind === 'self') return verdict.mount === undefined ? undefined : { user: ROOT, mount: verdict.mount };
    if (verdict.kind === 'refused') {
      const { code, message, hint } = verdict.error;
      throw new AgentError(code, `${path}: ${message}`, { hint });
    }
    const user = await known(findUser(verdict.uid), `${path}: the owner of its directory`, verdict.uid);
    if (verdict.isClaim && (await names.owner(sink))?.uid !== user.uid) throw claimed(path, verdict);
    if ((user.isUnlisted || user.uid === NOBODY) && String(sink.owner) !== String(user.uid))
      throw nobodys(path, verdict);
    return { user };
  };
}

/** Whoever has no user of their own runs as it, and a number without an entry may be anybody's by tomorrow. */
const NOBODY = 65534;

type Theirs = Pick<Extract<Verdict, { kind: 'user' }>, 'uid' | 'at'>;

function claimed(path: string, { uid, at }: Theirs): AgentError {
  const message = `${path}: expected ${at} to be root's, since others make entries beside it, got one of uid ${uid}`;
  const hint =
    `choose a directory that is made at each boot, in /etc/tmpfiles.d/credrotate.conf: d /run/app 0700 app; ` +
    `if it is that user's to have, name it: owner: ${uid}`;
  return new AgentError('SINK_UNSAFE_PATH', message, { hint });
}

function nobodys(path: string, { uid, at }: Theirs): AgentError {
  const message = `${path}: expected a user of this machine as the owner of ${at}, got uid ${uid}, which is nobody's`;
  return new AgentError('SINK_UNSAFE_PATH', message, { hint: `if a container runs as it, name it: owner: ${uid}` });
}

function withoutOwner({ owner: _owner, group: _group, ...rest }: SinkConfig): SinkConfig {
  return rest;
}

/** For a process that knows no names. */
async function localize(sink: SinkConfig, { user }: Worker, names: Names): Promise<SinkConfig> {
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
