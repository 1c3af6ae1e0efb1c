import assert from 'node:assert/strict';
import {
  type Dirent,
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { assertNoSecret } from '../support/secrets.ts';
import { tempDir } from '../support/temp-dir.ts';

/**
 * Users without any process but those of this suite, one for each file of it, since one of them kills all that it can:
 * the first has no entry in the user database.
 */
export const MALLORY = 64_321;
export const SYS = 3;
export const LP = 7;
export const MAIL = 8;
export const NEWS = 9;
export const UUCP = 10;
export const PROXY = 13;
export const WWW_DATA = 33;
export const BACKUP = 34;
export const LIST = 38;
export const IRC = 39;

/** What the user wants to reach, and its name in each directory of root: a file that a merge would carry along. */
export const CANARY = 'credentials';
const textOf = (name: string): string => `CANARY_OF_${name.toUpperCase()}=1\n`;

/** A directory of root's with one file in it, held open: it is found wherever the user moves it. */
interface Vault {
  readonly name: string;
  readonly fd: number;
  /** All may look at the file; else it must not even be opened. */
  readonly isOpen: boolean;
  /** The user has another name of the file, or of the directory: renaming these moves its ctime. */
  readonly isMovable: boolean;
  readonly before: unknown;
}

export interface Ground {
  /** Uid and gid of the hostile user. */
  readonly user: number;
  /** Root's, and open for all to pass. */
  readonly base: string;
  readonly home: string;
  /** Directories of root's: `closed` to all others, and `open` for all to read. */
  readonly closed: string;
  readonly open: string;
  /** Gives the user another name of a file of root's, as if protected_hardlinks were off, unless it is there already. */
  readonly linkAt: (path: string) => void;
  /** Of root's, in the home, with a file that the user may not read. */
  readonly plantDirectory: (name: string) => void;
  /** Files that must not be opened, and directories in which nothing may change. */
  readonly watched: () => { readonly files: readonly string[]; readonly directories: readonly string[] };
  /** Fails unless all that is root's is as it was, and the user has no secret but in files of that user alone. */
  readonly inspect: () => void;
  /** Reads root's files as well, which would be seen before the end. */
  readonly inspectContents: () => void;
}

export function layGround(t: TestContext, user = MALLORY): Ground {
  const base = tempDir(t);
  chmodSync(base, 0o755);
  const home = join(base, 'home');
  mkdirSync(home);
  chownSync(home, user, user);
  const vaults: Vault[] = [];
  const make = (name: string, kind: Pick<Vault, 'isOpen' | 'isMovable'>, mode: number): string => {
    const vault = makeVault(join(base, name), kind, mode);
    t.after(() => {
      closeSync(vault.fd);
    });
    vaults.push(vault);
    return join(base, name);
  };
  const closed = make('closed', { isOpen: false, isMovable: false }, 0o700);
  const open = make('open', { isOpen: true, isMovable: false }, 0o755);
  const linked = make('linked', { isOpen: false, isMovable: true }, 0o700);
  return {
    ...{ user, base, home, closed, open },
    linkAt: (path) => {
      if (lstatSync(join(linked, CANARY)).nlink === 1) linkSync(join(linked, CANARY), path);
    },
    plantDirectory: (name) => void make(join('home', name), { isOpen: false, isMovable: true }, 0o755),
    watched: () => ({
      files: vaults.filter(({ isOpen }) => !isOpen).map(({ fd }) => `/proc/self/fd/${fd}/${CANARY}`),
      directories: [closed, open],
    }),
    inspect: () => {
      for (const vault of vaults) assert.deepEqual(portrait(vault), vault.before, `${vault.name} was touched`);
      const known = new Set(
        vaults.flatMap(({ fd }) => ['.', CANARY].map((name) => inodeOf(`/proc/self/fd/${fd}/${name}`))),
      );
      inspectHome({ user, home }, known);
    },
    inspectContents: () => {
      for (const { fd, name } of vaults) {
        assert.deepEqual(readdirSync(`/proc/self/fd/${fd}`), [CANARY]);
        assert.equal(readFileSync(`/proc/self/fd/${fd}/${CANARY}`, 'utf8'), textOf(name));
      }
    },
  };
}

function makeVault(path: string, kind: Pick<Vault, 'isOpen' | 'isMovable'>, mode: number): Vault {
  const name = path.slice(path.lastIndexOf('/') + 1);
  mkdirSync(path, { mode });
  const file = join(path, CANARY);
  writeFileSync(file, textOf(name), { mode: kind.isOpen ? 0o644 : 0o600 });
  // So old that under relatime any read moves it.
  utimesSync(file, 1, new Date());
  const vault = { ...kind, name, fd: openSync(path, 'r') };
  return { ...vault, before: portrait(vault) };
}

/** Opens nothing. */
function portrait({ fd, isOpen, isMovable }: Omit<Vault, 'before'>): unknown {
  return ['.', CANARY].map((name) => {
    const stat = lstatSync(`/proc/self/fd/${fd}/${name}`, { bigint: true });
    const { ino, mode, uid, gid, size, mtimeNs, ctimeNs, atimeNs } = stat;
    const wasRead = name === CANARY && !isOpen && atimeNs;
    return { ino, mode, uid, gid, size, mtimeNs, ...(!isMovable && { ctimeNs }), wasRead };
  });
}

function inodeOf(path: string): bigint {
  return lstatSync(path, { bigint: true }).ino;
}

/** Through no link: Node's own way of all that is below goes into those that lead to directories. */
function entriesBelow(directory: string): readonly Dirent[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry, ...entriesBelow(join(directory, entry.name))] : [entry],
  );
}

/** While the user's own programs stand still. */
function inspectHome({ user, home }: Pick<Ground, 'user' | 'home'>, known: ReadonlySet<bigint>): void {
  for (const entry of entriesBelow(home)) {
    const path = join(entry.parentPath, entry.name);
    const { ino, uid, mode, size } = lstatSync(path, { bigint: true });
    if (known.has(ino)) continue;
    assert.equal(uid, BigInt(user), `${path} belongs to uid ${String(uid)}`);
    if (!entry.isFile() || size > 1_000_000n) continue;
    const text = readFileSync(path, 'latin1');
    assert.doesNotMatch(text, /CANARY_OF_(?!OPEN)/, path);
    if ((mode & 0o077n) !== 0n) assertNoSecret(path, text);
  }
}
