// The end-to-end tests with each command a process of the executable: `npm test` runs short ones in its own.
import { globSync } from 'node:fs';
import { join } from 'node:path';

const files = globSync('../e2e/*.test.ts', { cwd: import.meta.dirname }).sort();
for (const file of files) await import(join(import.meta.dirname, file));
