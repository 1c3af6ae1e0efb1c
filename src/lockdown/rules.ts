import type { LockdownConfig } from '../core/config.ts';
import type { Users } from '../core/contracts.ts';
import { AgentError, describeForeign } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import { getent } from '../host/users.ts';
import type { HostDeps } from '../host/tool.ts';

export interface LockdownDeps extends HostDeps {
  readonly users: Users;
}

export interface Rules extends Pick<LockdownConfig, 'addresses'> {
  /** Ids, root's among them, in rising order. */
  readonly users: readonly number[];
  readonly containers: 'allow' | 'deny';
}

/** The state of our rules, as far as it can be seen. */
export interface LockdownState {
  /** `drifted`: the rules are not those of the configuration, or were taken away by somebody else. */
  readonly state: 'on' | 'off' | 'drifted' | 'unknown';
  /** For people; always there for `drifted` and `unknown`. For `on` it says which users are left out. */
  readonly reason?: string;
  readonly rules?: Rules;
  /** Milliseconds until the kernel ends a trial, which leaves the service open to all. */
  readonly rollbackIn?: number;
  /** Ids of users who were refused in the last day. */
  readonly refused: readonly number[];
}

const ROOT = 0;

/** The rules that a configuration means on this machine. */
export interface Resolved {
  readonly rules: Rules;
  /** Why users whom it names are not allowed by them. */
  readonly leftOut: readonly AgentError[];
}

export async function resolveRules(deps: LockdownDeps, config: LockdownConfig): Promise<Resolved> {
  const found = await Promise.all(config.allowUsers.map((user) => idOf(deps, user)));
  const ids = found.filter((one) => typeof one === 'number');
  const { allowUsers: _, ...rest } = config;
  return {
    rules: { ...rest, users: [...new Set([ROOT, ...ids])].sort((a, b) => a - b) },
    leftOut: found.filter((one) => one instanceof AgentError),
  };
}

async function idOf({ users }: LockdownDeps, user: string | number): Promise<number | AgentError> {
  try {
    const found = await users.user(user);
    if (found) return found.uid;
    return new AgentError('CONFIG_INVALID', `${place(user)}: expected a user of this machine, got none of that name`, {
      hint: 'see the names: getent passwd',
    });
  } catch (error) {
    const message = `${place(user)}: the user could not be looked up: ${describeForeign(error)}`;
    return new AgentError('CONFIG_INVALID', message, { hint: 'write the number instead of the name' });
  }
}

function place(user: string | number): string {
  return `lockdown.allow_users: ${printable(String(user))}`;
}

/** `998 (cwagent)`, or the number alone where nobody knows a name. */
export async function describeUser(deps: LockdownDeps, id: number): Promise<string> {
  const name = await nameOf(deps, id);
  return name === undefined ? String(id) : `${String(id)} (${name})`;
}

export async function nameOf(deps: LockdownDeps, id: number): Promise<string | undefined> {
  const [name = ''] = (await getent(deps, 'passwd', String(id)).catch(() => undefined)) ?? [];
  return name === '' ? undefined : printable(name);
}
