import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';

/**
 * One factor for every limit in the tests, so that none says how busy the machine is. The runners measure it once, print
 * it, and hand it to each file in this variable; a file that is run alone measures it itself.
 */
export const LOAD_VARIABLE = 'CREDROTATE_TEST_LOAD';

let known: number | undefined;

/**
 * The limit for what takes up to so long on two idle cores beside the other tests; in the unit that it is given in.
 * For what should never come, a wait in vain or a child that hangs: what decides whether a test passes is a condition.
 */
export function limit(time: number): number {
  known ??= Number(process.env[LOAD_VARIABLE]) || measureLoad();
  return Math.ceil(time * known);
}

/** Milliseconds that a round of the probe takes on an idle machine of today. */
const USUAL = 45;
const ROUNDS = 3;

/** How many times slower than an idle machine this one computes and starts programs now; at least 1. */
export function measureLoad(): number {
  const began = performance.now();
  const block = Buffer.alloc(1 << 20);
  for (let round = 0; round < ROUNDS; round++) {
    for (let n = 0; n < 50; n++) block.set(createHash('sha256').update(block).digest(), n);
    for (let n = 0; n < 7; n++) spawnSync('/bin/true');
  }
  return Math.max(1, Math.round((10 * (performance.now() - began)) / (USUAL * ROUNDS)) / 10);
}
