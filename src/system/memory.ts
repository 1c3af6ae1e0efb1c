import { dlopen } from 'node:ffi';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const M_TRIM_THRESHOLD = -1;
/** Bytes. It is what glibc begins with; it would raise it with each larger block that is freed, and keep ever more. */
const TRIM_THRESHOLD = 128 * 1024;

let giveBack: (() => void) | undefined;

/**
 * Collects all garbage, compiled functions that were not called lately included, and has the C library give back what
 * is free, since the arena of each of the engine's threads keeps the most that it ever held. It takes about 20 ms. From
 * the first time on, no more code is optimized.
 */
export function giveBackMemory(): void {
  giveBack ??= prepare();
  giveBack();
}

/** Flags of V8 that nothing compiled ahead is loaded under: set when all that a one-shot needs is there. */
function prepare(): () => void {
  for (const flag of ['--no-opt', '--no-maglev', '--expose-gc']) setFlagsFromString(flag);
  const collect = runInNewContext('gc') as NodeJS.GCFunction;
  const { functions: libc } = dlopen(null, {
    mallopt: { arguments: ['i32', 'i32'], return: 'i32' },
    malloc_trim: { arguments: ['u64'], return: 'i32' },
  });
  libc.mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
  return () => {
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    libc.malloc_trim(0n);
  };
}
