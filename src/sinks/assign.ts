import { dirname } from 'node:path';
import type { SinkConfig } from '../core/config.ts';
import type { User, Users } from '../core/contracts.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import type { ActingLimits } from './acting/patience.ts';
import type { SinkDeps } from './compare.ts';
import type { ApplyRequest } from './contract.ts';
import { failed } from './failure.ts';
import { known, lookUp, once, type Names } from './owner.ts';
import { survey, type Survey } from './survey.ts';

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

/** A user's sinks as that user's process is to see them: without owner, and with the group as a number. */
export interface Share {
  readonly user: User;
  readonly sinks: readonly SinkConfig[];
}

/** Looks at the ways to the sinks only as far as they are root's. Never rejects. */
export async function assign(
  deps: SinkDeps,
  request: Pick<ApplyRequest, 'sinks' | 'trustedGroups'>,
  limits: ActingLimits,
): Promise<Assignment> {
  const { sinks } = request;
  const trustedGroups = await groupIds(deps.users, request.trustedGroups);
  // Without other processes all is the agent's own, or refused.
  if (!deps.actors) return { own: sinks, shares: [], denied: [], trustedGroups };
  const seen = await survey({ ...deps, actors: deps.actors }, { sinks, trustedGroups, limits });
  const userOf = userFinder(deps.users, seen);
  const names = lookUp(deps.users);
  const own: SinkConfig[] = [];
  const denied: SinkOutcome[] = [];
  const shares = new Map<number, { user: User; sinks: SinkConfig[] }>();
  for (const sink of sinks) {
    try {
      const user = await userOf(sink);
      if (user) {
        const share = shares.get(user.uid) ?? { user, sinks: [] };
        share.sinks.push(await localize(sink, user, names));
        shares.set(user.uid, share);
      } else own.push(sink);
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

/** Undefined: the agent itself is to act. What it gives rejects with AgentError. */
function userFinder(users: Users, survey: Survey): (sink: SinkConfig) => Promise<User | undefined> {
  const findUser = once((uid: number) => users.user(uid));
  return async ({ path }) => {
    const verdict = survey.get(dirname(path));
    if (verdict?.kind === 'user') {
      return await known(findUser(verdict.uid), `${path}: the owner of its directory`, verdict.uid);
    }
    if (verdict?.kind !== 'refused') return undefined;
    const { code, message, hint } = verdict.error;
    throw new AgentError(code, `${path}: ${message}`, hint === undefined ? {} : { hint });
  };
}

async function localize(sink: SinkConfig, user: User, names: Names): Promise<SinkConfig> {
  const owner = await names.owner(sink);
  if (owner && owner.uid !== user.uid) {
    const message = `${sink.path}: expected uid ${user.uid} as the owner, who controls its directory, got uid ${owner.uid}`;
    const hint = 'leave out owner, or choose a directory that belongs, with all its parents, to root';
    throw new AgentError('SINK_OWNER_DENIED', message, { hint });
  }
  const gid = await names.group(sink);
  if (user.isUnlisted && gid === undefined && (sink.mode & 0o070) !== 0) {
    const message = `${sink.path}: group: expected one for mode ${sink.mode.toString(8)}, got uid ${user.uid}, who has no entry and so no group`;
    throw new AgentError('SINK_OWNER_UNKNOWN', message, { hint: 'create the user, or use mode 0600' });
  }
  const { owner: _owner, group: _group, ...rest } = sink;
  return gid === undefined ? rest : { ...rest, group: gid };
}
