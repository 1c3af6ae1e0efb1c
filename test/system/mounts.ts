import { execFileSync } from 'node:child_process';
import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { TEMP } from '../support/temp-dir.ts';

/** Skips a test where others would see what it mounts. `npm run test:system` names the mounts of the machine. */
export function hasOwnMounts(t: TestContext): boolean {
  const others = process.env['CREDROTATE_HOST_MOUNTS'];
  const isOwn = others !== undefined && others !== readlinkSync('/proc/self/ns/mnt');
  if (!isOwn) t.skip('needs mounts of its own: npm run test:system');
  return isOwn;
}

/** A fresh directory that is a file system of its own: `size=64k`, `nr_inodes=8`. */
export function tmpfs(t: TestContext, options: string): string {
  const path = mountPoint(t);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=0700,${options}`, 'credrotate-test', path]);
  return path;
}

/** A fresh directory that can be made read-only apart from all else. */
export function ownMount(t: TestContext): string {
  const path = mountPoint(t);
  execFileSync('mount', ['--bind', path, path]);
  return path;
}

export function remount(path: string, mode: 'ro' | 'rw'): void {
  execFileSync('mount', ['-o', `remount,bind,${mode}`, path]);
}

/** Whatever the test opens before ends before. */
function mountPoint(t: TestContext): string {
  const path = mkdtempSync(join(TEMP, 'credrotate-mount-'));
  t.after(() => {
    execFileSync('umount', ['--lazy', path]);
    rmSync(path, { recursive: true });
  });
  return path;
}
