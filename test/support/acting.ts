import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { SinkDeps } from '../../src/sinks/contract.ts';
import { renderSink } from '../../src/sinks/formats/render.ts';
import { createActors } from '../../src/system/actors.ts';
import { executable } from './product.ts';
import { sinkDeps } from './sinks.ts';
import { tempDir } from './temp-dir.ts';

/** Two whom every distribution has, and as whom nothing runs. */
export const [ALICE, BOB] = [1, 2] as const;
/** Has no entry in the user database. */
export const UNLISTED = 65533;
/** Of those who have none. */
export const NO_GROUP = 65534;

/** As root has them: users' sinks are written by processes of the product. */
export function actingDeps(change: Partial<SinkDeps> = {}): SinkDeps {
  return sinkDeps({ actors: createActors([executable]), render: renderSink, ...change });
}

/** Says why, when there is no other user to be. */
export function skipsWithoutRoot(t: TestContext): boolean {
  if (process.geteuid?.() === 0) return false;
  t.skip('needs root: acts as another user');
  return true;
}

export interface Estate {
  /** Root's, and open for all to pass. */
  readonly base: string;
  /** A user's, below it. */
  readonly home: string;
  /** Root's, below it; it holds one file. */
  readonly vault: string;
  /** Fails when anything about the vault is not as it was. */
  readonly assertVaultUntouched: () => void;
}

/** `isOpen`: all may read in the vault. */
export function estateOf(t: TestContext, uid: number, isOpen = false): Estate {
  const base = tempDir(t);
  chmodSync(base, 0o755);
  const [home, vault] = ['home', 'vault'].map((name) => join(base, name)) as [string, string];
  mkdirSync(home);
  chownSync(home, uid, uid);
  mkdirSync(vault, { mode: isOpen ? 0o755 : 0o700 });
  writeFileSync(join(vault, 'credentials'), 'CANARY=1\n', { mode: isOpen ? 0o644 : 0o600 });
  const before = portrait(vault);
  const assertVaultUntouched = (): void => {
    assert.deepEqual(portrait(vault), before);
  };
  return { base, home, vault, assertVaultUntouched };
}

/** All but the access times, which reading as root changes. */
function portrait(directory: string): unknown {
  return ['.', ...readdirSync(directory)].map((name) => {
    const path = join(directory, name);
    const { ino, mode, uid, gid, nlink, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
    const text = name === '.' ? '' : readFileSync(path, 'latin1');
    return { name, ino, mode, uid, gid, nlink, size, mtimeNs, ctimeNs, text };
  });
}

/** Those of our processes that act as this user, or are about to. */
export function actorsOf(uid: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const [, parent] = /^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
        return Number(parent) === process.pid && line[1] === '--act-as' && line[2] === String(uid);
      } catch {
        return false;
      }
    });
}

/** Runs a program of a user, to be ended by `using`: before its directory goes. */
export function runAs(uid: number, script: string, ...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '--eval', script, ...args], {
    uid,
    gid: uid,
    cwd: '/',
    env: {},
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}
