import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Users } from '../core/contracts.ts';

export interface UserDatabase {
  readonly passwd: string;
  readonly group: string;
  /** Asks the other name services (LDAP, sssd, systemd); absolute, since PATH is not ours to trust. */
  readonly getent: string;
  /** Milliseconds that a name service may take. */
  readonly timeout: number;
}

const SYSTEM: UserDatabase = {
  passwd: '/etc/passwd',
  group: '/etc/group',
  getent: '/usr/bin/getent',
  timeout: 5_000,
};

/** Looks in the files first, and only for what they do not have in the name services. A bare number needs no entry. */
export function createUsers(database: UserDatabase = SYSTEM): Users {
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
  };
}

type Table = 'passwd' | 'group';
type Entry = readonly string[];

async function findEntry(database: UserDatabase, table: Table, key: string | number): Promise<Entry | undefined> {
  const entries = readTable(database[table])
    .split('\n')
    .map((line) => line.split(':'));
  const named = typeof key === 'string' ? entries.find(([name]) => name === key) : undefined;
  if (named) return named;
  const id = parseId(key);
  if (id !== undefined) {
    return entries.find((entry) => parseId(entry[2]) === id) ?? (await askNameServices(database, table, String(id)));
  }
  return typeof key === 'string' && isAskable(key) ? await askNameServices(database, table, key) : undefined;
}

function readTable(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** What getent cannot take for an option, a list or another field. */
function isAskable(name: string): boolean {
  return name !== '' && !name.startsWith('-') && !/[:\0\n]/.test(name);
}

/** Exit code 2 says that there is no such entry; a machine without getent has no other name services. */
async function askNameServices(database: UserDatabase, table: Table, key: string): Promise<Entry | undefined> {
  const { execFile } = process.getBuiltinModule('node:child_process');
  const options = { timeout: database.timeout, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024, env: {} } as const;
  try {
    const { stdout } = await promisify(execFile)(database.getent, [table, key], options);
    return stdout.split('\n')[0]?.split(':');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 2 || error.code === 'ENOENT')) return undefined;
    throw Object.assign(new Error('the name services do not answer'), { code: 'ETIMEDOUT', syscall: 'getent' });
  }
}

/** The highest number is left out: chown takes it for "leave as it is". */
function parseId(text: string | number | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(String(text))) return undefined;
  const id = Number(text);
  return id < 0xffffffff ? id : undefined;
}
