import { readFileSync } from 'node:fs';

/** What people call a user or a group, as far as the files of the user database say; else its number. */
export function nameOf(table: 'passwd' | 'group', id: number): string {
  try {
    const entries = readFileSync(`/etc/${table}`, 'utf8').split('\n');
    return entries.map((entry) => entry.split(':')).find(([, , number]) => number === String(id))?.[0] ?? String(id);
  } catch {
    return String(id);
  }
}
