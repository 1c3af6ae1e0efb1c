import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { isErrno } from '../../src/core/errors.ts';

const run = promisify(execFile);
const output = join(import.meta.dirname, '../../dist');

/**
 * What a source in C compiles to; undefined where there is no compiler. Once for each state of the source; any number
 * may do so at the same time.
 */
export async function compile(source: string, ...options: readonly string[]): Promise<string | undefined> {
  const digest = createHash('sha256')
    .update(await readFile(source))
    .digest('hex');
  const made = join(output, `.${basename(source, '.c')}-${digest.slice(0, 16)}`);
  if (existsSync(made)) return made;
  await mkdir(output, { recursive: true });
  const unfinished = `${made}.${randomUUID()}`;
  try {
    await run('cc', [...options, '-O1', '-Wall', '-Wextra', '-Werror', '-o', unfinished, source]);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  await rename(unfinished, made);
  return made;
}
