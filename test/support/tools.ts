import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';

/** Whether a program is installed; a test that needs it is skipped where it is not. */
export function hasTool(name: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((directory) => {
    try {
      accessSync(join(directory || '.', name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Runs a program to see whether it is there, with what it loads; else the test is skipped, and says why. */
export async function isMissing(t: TestContext, program: string, ...args: readonly string[]): Promise<boolean> {
  const isThere = await promisify(execFile)(program, args).then(
    () => true,
    () => false,
  );
  if (!isThere) t.skip(`needs ${program}: it cannot be run with ${args.join(' ')}`);
  return !isThere;
}
