import type { Users } from '../core/contracts.ts';
import { errnoError, isErrno } from '../core/errors.ts';
import { readOrNothing } from '../paths/accounts.ts';
import { type HostDeps, runTool, type ToolOptions } from './tool.ts';

/** Access to the name services of this machine. `timeoutMs`: for one answer; `signal`: ends the waiting. */
export interface Asking extends HostDeps, Partial<Pick<ToolOptions, 'timeoutMs' | 'signal'>> {}

export interface UserDatabase extends Asking {
  readonly files?: Readonly<Record<AccountTable, string>>;
}

type AccountTable = 'passwd' | 'group';

const FILES = { passwd: '/etc/passwd', group: '/etc/group' };

/** Looks in the files first, and only for what they do not have in the name services. A bare number needs no entry. */
export function createUsers(database: UserDatabase): Users {
  return {
    async user(nameOrId) {
      const [, , uid, gid] = (await findEntry(database, 'passwd', nameOrId)) ?? [];
      const ids = { uid: parseId(uid), gid: parseId(gid) };
      if (ids.uid !== undefined && ids.gid !== undefined) return { uid: ids.uid, gid: ids.gid };
      const id = parseId(nameOrId);
      return id === undefined ? undefined : { uid: id, gid: id, isUnlisted: true };
    },
    async group(nameOrId) {
      const [, , gid] = (await findEntry(database, 'group', nameOrId)) ?? [];
      return parseId(gid) ?? parseId(nameOrId);
    },
    async isMember(uid, gid) {
      const [name, , , primary] = (await findEntry(database, 'passwd', uid)) ?? [];
      if (name === undefined || parseId(primary) === gid) return name !== undefined;
      const [, , , members = ''] = (await findEntry(database, 'group', gid)) ?? [];
      return members.split(',').includes(name);
    },
  };
}

async function findEntry(
  database: UserDatabase,
  table: AccountTable,
  key: string | number,
): Promise<AccountEntry | undefined> {
  const { files = FILES } = database;
  const entries = readOrNothing(files[table])
    .split('\n')
    .map((line) => line.split(':'));
  const named = typeof key === 'string' ? entries.find(([name]) => name === key) : undefined;
  if (named) return named;
  const id = parseId(key);
  if (id === undefined) return typeof key === 'string' ? await getent(database, table, key) : undefined;
  return entries.find((entry) => parseId(entry[2]) === id) ?? (await getent(database, table, String(id)));
}

/** The highest number is left out: chown takes it for "leave as it is". */
function parseId(text: string | number | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(String(text))) return undefined;
  const id = Number(text);
  return id < 0xffffffff ? id : undefined;
}

/** Fields of a line of /etc/passwd or /etc/group. */
export type AccountEntry = readonly string[];

/** For a name service (LDAP, sssd, systemd). */
const TIMEOUT_MS = 5_000;
/** A group can have very many members. */
const KEEP = 16 * 1024 * 1024;
/** The exit code of getent for: there is no such entry. */
const ABSENT = 2;

/**
 * Asks all name services of this machine for an entry, by name or number; undefined when there is none, or no getent
 * and so no other services than the files. Rejects with ETIMEDOUT when they do not answer.
 */
export async function getent(deps: Asking, table: AccountTable, key: string): Promise<AccountEntry | undefined> {
  if (!isAskable(key)) return undefined;
  const { timeoutMs = TIMEOUT_MS, signal } = deps;
  const asked = runTool(deps, ['getent', table, key], { timeoutMs, keep: KEEP, ...(signal && { signal }) });
  const result = await asked.catch((error: unknown) => {
    signal?.throwIfAborted();
    if (isErrno(error, 'ENOENT')) return { exitCode: ABSENT, output: '' };
    throw error;
  });
  if (result.exitCode === 0) return result.output.split('\n')[0]?.split(':');
  if (result.exitCode === ABSENT) return undefined;
  throw errnoError('ETIMEDOUT', 'getent');
}

/** True if getent cannot take it for an option, a list or another field. */
function isAskable(name: string): boolean {
  return name !== '' && !name.startsWith('-') && !/[:\0\n]/.test(name);
}
