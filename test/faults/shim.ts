import { constants } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { compile } from './compile.ts';

const source = join(import.meta.dirname, 'shim.c');

type Errno = keyof typeof constants.errno;

/** What a program is to suffer; see shim.c. */
export interface Fault {
  /** File that gets a line for each call. */
  readonly trace?: string;
  readonly kill?: { readonly moment: 'before' | 'after'; readonly call: number };
  /** In place of the program, the process that acts for it as a user is killed. */
  readonly actor?: true;
  /** Calls of this name on a path with `part` in it fail; while the file `whilst` is there, or always. */
  readonly fail?: { readonly call: string; readonly errno: Errno; readonly part: string; readonly whilst?: string };
}

/** Gives the environment in which a program suffers; undefined, with the test skipped, where there is no compiler. */
export async function openShim(t: TestContext): Promise<((fault: Fault) => NodeJS.ProcessEnv) | undefined> {
  const library = await compile(source, '-shared', '-fPIC');
  if (library === undefined) {
    t.skip('needs cc: faults are injected by a library that is made of test/faults/shim.c');
    return undefined;
  }
  return ({ trace, kill, actor, fail }) => ({
    LD_PRELOAD: library,
    ...(trace !== undefined && { FAULTS_TRACE: trace }),
    ...(kill && { [actor ? 'FAULTS_ACTOR' : 'FAULTS_KILL']: `${kill.moment} ${String(kill.call)}` }),
    ...(fail && { FAULTS_FAIL: `${fail.call} ${String(constants.errno[fail.errno])} ${fail.part}` }),
    ...(fail?.whilst !== undefined && { FAULTS_WHILE: fail.whilst }),
  });
}
