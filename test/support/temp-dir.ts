import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';

/** Where tests make their directories: TMPDIR, but not a private one, where the users that tests play cannot get. */
export const TEMP = isOpenToAll(tmpdir()) ? tmpdir() : '/tmp';

/** A fresh directory (0700), removed when the test ends, though something may still be writing there. */
export function tempDir(context: TestContext): string {
  const directory = mkdtempSync(join(TEMP, 'credrotate-test-'));
  context.after(() => {
    refuseMounts(directory);
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  });
  return directory;
}

/**
 * Throws where something is still mounted below, before anything is removed: what is bound there may be a directory of the
 * host, which would be emptied with the rest.
 */
function refuseMounts(directory: string): void {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '');
  const below = points.filter((point) => `${point}/`.startsWith(`${realpathSync(directory)}/`));
  if (below.length > 0) throw new Error(`${below.join(', ')}: expected no mounts in a directory that is to be removed`);
}

function isOpenToAll(directory: string): boolean {
  for (let path = realpathSync(directory); ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false;
    if (path === '/') return true;
  }
}
