import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Whose home a directory is or will be. `user`: as far as the user is in /etc/passwd. */
export interface Home {
  readonly path: string;
  readonly user?: { readonly name: string; readonly gid: number };
}

/** The homes of users from a directory service, and of those who are not there yet. */
const USUAL = /^\/home\/[^/]+$/;

/** The first of these paths that is a user's home; undefined where none is. An unreadable /etc/passwd names none. */
export function findHome(paths: readonly string[], passwd = readPasswd()): Home | undefined {
  const homes = new Map(
    passwd.split('\n').flatMap((line): [string, Home][] => {
      const [name = '', , , gid, , home = ''] = line.split(':');
      return home.startsWith('/') ? [[resolve(home), { path: resolve(home), user: { name, gid: Number(gid) } }]] : [];
    }),
  );
  for (const path of paths) {
    const home = homes.get(path) ?? (USUAL.test(path) ? { path } : undefined);
    if (home) return home;
  }
  return undefined;
}

function readPasswd(): string {
  try {
    return readFileSync('/etc/passwd', 'utf8');
  } catch {
    return '';
  }
}
