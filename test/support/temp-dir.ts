import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A fresh directory (0700), removed when the test ends, though something may still be writing there. */
export function tempDir(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'credrotate-test-'));
  context.after(() => {
    rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  });
  return directory;
}
