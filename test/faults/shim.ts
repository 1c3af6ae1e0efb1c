import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { isErrno } from '../../src/core/errors.ts';

const run = promisify(execFile);
const source = join(import.meta.dirname, 'shim.c');
const output = join(import.meta.dirname, '../../dist');

type Errno = keyof typeof constants.errno;

/** What a program is to suffer; see shim.c. */
export interface Fault {
  /** File that gets a line for each call. */
  readonly trace?: string;
  readonly kill?: { readonly moment: 'before' | 'after'; readonly call: number };
  /** Calls of this name on a path with `part` in it fail; while the file `whilst` is there, or always. */
  readonly fail?: { readonly call: string; readonly errno: Errno; readonly part: string; readonly whilst?: string };
}

/** Gives the environment in which a program suffers; undefined, with the test skipped, where there is no compiler. */
export async function openShim(t: TestContext): Promise<((fault: Fault) => NodeJS.ProcessEnv) | undefined> {
  const library = await (compiled ??= compile());
  if (library === undefined) {
    t.skip('needs cc: faults are injected by a library that is made of test/faults/shim.c');
    return undefined;
  }
  return ({ trace, kill, fail }) => ({
    LD_PRELOAD: library,
    ...(trace !== undefined && { FAULTS_TRACE: trace }),
    ...(kill && { FAULTS_KILL: `${kill.moment} ${String(kill.call)}` }),
    ...(fail && { FAULTS_FAIL: `${fail.call} ${String(constants.errno[fail.errno])} ${fail.part}` }),
    ...(fail?.whilst !== undefined && { FAULTS_WHILE: fail.whilst }),
  });
}

/** By this process. */
let compiled: Promise<string | undefined> | undefined;

/** Once for each state of the source; several processes may do so at the same time. */
async function compile(): Promise<string | undefined> {
  const digest = createHash('sha256')
    .update(await readFile(source))
    .digest('hex');
  const library = join(output, `.faults-${digest.slice(0, 16)}.so`);
  if (existsSync(library)) return library;
  await mkdir(output, { recursive: true });
  const made = `${library}.${String(process.pid)}`;
  try {
    await run('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', made, source]);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  await rename(made, library);
  return library;
}
