import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { attempt } from '../core/errors.ts';

/** Name of a user or a group in the files of the user database, or else its number. */
export function nameOf(table: 'passwd' | 'group', id: number): string {
  return rows(readOrNothing(`/etc/${table}`)).find(([, , number]) => number === String(id))?.[0] ?? String(id);
}

/** A home directory. `user`: its user, if listed in /etc/passwd. */
export interface Home {
  readonly path: string;
  readonly user?: { readonly name: string; readonly gid: number };
}

/** The homes of users from a directory service, and of those who are not there yet. */
const USUAL = /^\/home\/[^/]+$/;

/** The first of these paths that is a user's home; undefined where none is. An unreadable /etc/passwd names none. */
export function findHome(paths: readonly string[], passwd = readOrNothing('/etc/passwd')): Home | undefined {
  const homes = new Map(
    rows(passwd).flatMap(([name = '', , , gid, , home = '']): [string, Home][] => {
      return home.startsWith('/') ? [[resolve(home), { path: resolve(home), user: { name, gid: Number(gid) } }]] : [];
    }),
  );
  for (const path of paths) {
    const home = homes.get(path) ?? (USUAL.test(path) ? { path } : undefined);
    if (home) return home;
  }
  return undefined;
}

/** A text of the machine's own; what cannot be read says nothing. */
export function readOrNothing(path: string): string {
  return attempt(() => readFileSync(path, 'utf8'), '');
}

/** The files of the user database; root's, on the root file system. An unreadable file counts as empty. */
export interface Database {
  readonly passwd: string;
  readonly group: string;
  readonly nsswitch: string;
}

/** Name services that say nothing beyond these files, and systemd's, whose users never have group members. */
const FILES_ALONE: ReadonlySet<string> = new Set(['files', 'systemd']);

/**
 * Whether the group has no other member than this ordinary user, as most distributions make one for each (umask 002).
 * Only if all is in the files: a directory service could add a member at any time without our seeing it.
 */
export function hasToItself(uid: number, gid: number, read: () => Database = readDatabase): boolean {
  if (uid === 0) return false;
  const { passwd, group, nsswitch } = read();
  const users = rows(passwd);
  const names = new Set(users.filter(([, , id]) => id === String(uid)).map(([name]) => name));
  const groups = rows(group).filter(([, , id]) => id === String(gid));
  const members = [
    ...users.filter(([, , , id]) => id === String(gid)).map(([name]) => name),
    ...groups.flatMap(([, , , list = '']) => list.split(',').filter((name) => name !== '')),
  ];
  return names.size > 0 && groups.length > 0 && members.every((name) => names.has(name)) && saysFilesAlone(nsswitch);
}

function readDatabase(): Database {
  const [passwd = '', group = '', nsswitch = ''] = ['passwd', 'group', 'nsswitch.conf'].map((name) =>
    readOrNothing(`/etc/${name}`),
  );
  return { passwd, group, nsswitch };
}

function rows(table: string): (readonly string[])[] {
  return table.split('\n').flatMap((line) => (/^\s*(#|$)/.test(line) ? [] : [line.split(':')]));
}

/** `[NOTFOUND=return]` and the like between the services change nothing. */
function saysFilesAlone(nsswitch: string): boolean {
  const lines = nsswitch.split('\n').map((line) => line.replace(/#.*/, ''));
  const servicesOf = (database: string): readonly string[] | undefined =>
    lines
      .find((line) => line.trim().startsWith(`${database}:`))
      ?.replace(/^[^:]*:/, '')
      .replace(/\[[^\]]*\]/g, ' ')
      .split(/\s+/)
      .filter((word) => word !== '');
  const [passwd, group, initgroups = []] = ['passwd', 'group', 'initgroups'].map(servicesOf);
  return (
    [passwd, group].every((services) => services?.includes('files')) &&
    [...(passwd ?? []), ...(group ?? []), ...initgroups].every((service) => FILES_ALONE.has(service))
  );
}
