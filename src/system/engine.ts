import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// V8 takes nothing that was compiled ahead, Node's own modules included, under other flags than those of then: what is set
// here would cost a one-shot a fifth of its time as an option of the executable, so it is set when all that one needs is
// loaded.

/**
 * For undici's parser, which is WebAssembly that reads a few hundred bytes at a time: it never pays to spend the 50 ms of
 * a processor, and the 50 MB, that V8 would optimize it with.
 */
export function leaveWasmUnoptimized(): void {
  setFlagsFromString('--no-wasm-tier-up');
  setFlagsFromString('--no-wasm-dynamic-tiering');
}

/** For a process that works for a moment now and then: optimized code never pays there, and is kept. */
export function leaveCodeUnoptimized(): void {
  for (const compiler of ['--no-opt', '--no-maglev', '--no-sparkplug']) setFlagsFromString(compiler);
}

/** V8's garbage collector, which it shows to contexts that are made under this flag. */
export function openCollector(): NodeJS.GCFunction {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as NodeJS.GCFunction;
}
