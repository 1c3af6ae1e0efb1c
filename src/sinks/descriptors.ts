import { readdirSync, readFileSync } from 'node:fs';

/** A staged sink holds the library's descriptor and our own. */
const PER_SINK = 2;
/** For what else goes on meanwhile: the state file, consumers being told, the control socket. */
const MARGIN = 32;

/** How many sinks can be staged together before file descriptors run out. */
export function stagingCapacity(): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'ascii')) ?? [];
    return capacity(Number(limit), readdirSync('/proc/self/fd').length);
  } catch {
    return 1;
  }
}

/** At least one: its failure then says what is wrong. */
export function capacity(limit: number, inUse: number): number {
  return Math.max(1, Math.floor((limit - inUse - MARGIN) / PER_SINK) || 1);
}
