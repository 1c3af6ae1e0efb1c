import type { LockdownConfig } from '../core/config.ts';
import { AgentError, describeForeign } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import type { LockdownDeps, Rules } from './contract.ts';
import { runTool } from './tool.ts';

const ROOT = 0;

/** The rules that a configuration means on this machine. Rejects where it names a user who is not there. */
export async function resolveRules(deps: LockdownDeps, wish: LockdownConfig): Promise<Rules> {
  const ids = await Promise.all(wish.allowUsers.map((user) => idOf(deps, user)));
  return { users: [...new Set([ROOT, ...ids])].sort((a, b) => a - b), containers: wish.containers };
}

async function idOf({ users }: LockdownDeps, user: string | number): Promise<number> {
  const found = await users.user(user).catch((error: unknown) => {
    throw new AgentError(
      'CONFIG_INVALID',
      `${place(user)}: the user could not be looked up: ${describeForeign(error)}`,
      {
        hint: 'write the number instead of the name',
      },
    );
  });
  if (found) return found.uid;
  throw new AgentError('CONFIG_INVALID', `${place(user)}: expected a user of this machine, got none of that name`, {
    hint: 'see the names: getent passwd',
  });
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
  const { exitCode, output } = await runTool(deps, ['getent', 'passwd', String(id)]).catch(() => NOBODY);
  const name = exitCode === 0 ? output.split(':')[0] : undefined;
  return name === undefined || name === '' ? undefined : printable(name);
}

const NOBODY = { exitCode: null, output: '' };
