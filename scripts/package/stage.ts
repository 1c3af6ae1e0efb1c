import { createHash } from 'node:crypto';
import { chmodSync, globSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Content, Installed } from './contents.ts';
import { ROOT } from './product.ts';

/** Lays files out below a directory, with the modes and the time that they are packed with, whatever the umask. */
export function stage(directory: string, installed: readonly Installed[], date: number): void {
  for (const { path, mode, content } of installed) {
    const target = join(directory, path);
    mkdirSync(content === undefined ? target : dirname(target), { recursive: true });
    if (content === undefined) continue;
    writeFileSync(target, bytesOf(content));
    chmodSync(target, mode);
  }
  const all = globSync('**', { cwd: directory }).map((path) => join(directory, path));
  for (const path of all) {
    if (statSync(path).isDirectory()) chmodSync(path, 0o755);
    utimesSync(path, date, date);
  }
}

export function bytesOf(content: Content): Uint8Array {
  if (typeof content === 'string') return Buffer.from(content);
  return 'file' in content ? readFileSync(content.file) : content;
}

/** Of all that decides what a package is: its contents, and the files that tell how it is made. */
export function digestOf(format: string, installed: readonly Installed[], ...more: readonly unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(more));
  for (const { content, ...entry } of installed) hash.update(JSON.stringify(entry)).update(bytesOf(content ?? ''));
  const recipe = globSync([`packaging/${format}/*`, 'scripts/package/*.ts'], { cwd: ROOT }).sort();
  for (const file of recipe) hash.update(readFileSync(join(ROOT, file)));
  return hash.digest('hex');
}
