import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

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
