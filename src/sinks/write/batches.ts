import { readdirSync, readFileSync } from 'node:fs';

/** A staged sink holds the descriptors of its temp file and of its directory. */
const PER_SINK = 2;
/** For everything else meanwhile: the state file, notifications, the control socket. */
const MARGIN = 32;

/** As many items at a time as can be staged together before file descriptors run out. */
export function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length;) {
    const size = stagingCapacity();
    yield items.slice(start, start + size);
    start += size;
  }
}

function stagingCapacity(): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'ascii')) ?? [];
    return capacity(Number(limit), readdirSync('/proc/self/fd').length);
  } catch {
    return 1;
  }
}

/** At least one: its error then names the limit. */
export function capacity(limit: number, inUse: number): number {
  return Math.max(1, Math.floor((limit - inUse - MARGIN) / PER_SINK) || 1);
}
