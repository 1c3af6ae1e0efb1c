import type { UserIds, Users } from '../../core/contracts.ts';
import { AgentError, describeForeign } from '../../core/errors.ts';
import type { ConfiguredFile } from '../contract.ts';

/** The identity of this process: it owns what it writes, unless a sink names another owner. */
export interface Self extends UserIds {
  /** All groups that it may give files to, if it is not root. */
  readonly groups: readonly number[];
}

export function whoAmI(): Self {
  const gid = process.getegid?.() ?? 0;
  return { uid: process.geteuid?.() ?? 0, gid, groups: [gid, ...(process.getgroups?.() ?? [])] };
}

export interface Names {
  /** Undefined: the sink names none. */
  readonly owner: (sink: ConfiguredFile) => Promise<UserIds | undefined>;
  readonly group: (sink: ConfiguredFile) => Promise<number | undefined>;
}

/** Looks up each name once. Rejects with SINK_OWNER_UNKNOWN. */
export function lookUp(users: Users): Names {
  const findUser = once((name: string | number) => users.user(name));
  const findGroup = once((name: string | number) => users.group(name));
  return {
    owner: async ({ path, owner }) =>
      owner === undefined ? undefined : await known(findUser(owner), `${path}: owner`, owner),
    group: async ({ path, group }) =>
      group === undefined ? undefined : await known(findGroup(group), `${path}: group`, group),
  };
}

export function once<K, V>(find: (key: K) => V): (key: K) => V {
  const results = new Map<K, V>();
  return (key) => {
    const result = results.get(key) ?? find(key);
    results.set(key, result);
    return result;
  };
}

/** The result of a lookup in the user database. Rejects with SINK_OWNER_UNKNOWN. */
export async function known<T>(lookup: Promise<T | undefined>, what: string, name: string | number): Promise<T> {
  let found: T | undefined;
  try {
    found = await lookup;
  } catch (error) {
    const message = `${what}: expected an answer about ${name}, got ${describeForeign(error)}`;
    throw new AgentError('SINK_OWNER_UNKNOWN', message, { hint: 'check the name services: getent', cause: error });
  }
  if (found !== undefined) return found;
  const hint = 'create it, or correct the name in the configuration';
  throw new AgentError('SINK_OWNER_UNKNOWN', `${what}: expected a name of this machine, got ${name}`, { hint });
}

/** Only root gives files away. Checked before anything is written, since the library would ignore the error. */
export function refuseImpossible(path: string, { uid, gid }: UserIds, self: Self): void {
  if (self.uid === 0 || (uid === self.uid && self.groups.includes(gid))) return;
  const message = `${path}: expected an owner and group of uid ${self.uid}, who writes it, got ${uid}:${gid}`;
  const hint =
    uid === self.uid ? 'add the user to that group, or leave out group' : 'run the agent as root, or leave out owner';
  throw new AgentError('SINK_OWNER_DENIED', message, { hint });
}
