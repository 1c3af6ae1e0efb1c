import type { BigIntStats } from 'node:fs';
import type { SinkEvidence } from '../core/outcomes.ts';
import { readAccessTimes } from '../paths/access-times.ts';

/** Tells whether anybody has read a file since it was written; nothing, when its times are none that a clock can have. */
export type Witness = (path: string, stat: BigIntStats | undefined) => { readonly evidence?: SinkEvidence };

/** What a `Date` can hold; a user can give a file any times. */
const LAST_MOMENT = 8_640_000_000_000_000n;
const NS_PER_MS = 1_000_000n;
/** From the making of a file to its last byte. What was read before that was read by a clock that was set back since. */
const WRITING = 60_000;

/**
 * Under relatime, the default of Linux, the first read after a write moves the access time past the time of the write;
 * later ones leave it there for a day. Our own reads use O_NOATIME. The mounts are read once, and only when a file
 * seems unread.
 */
export function makeWitness(keepsAccessTimes = readAccessTimes): Witness {
  let keeps: ((path: string) => boolean) | undefined;
  return (path, stat) => {
    if (!stat) return {};
    const { atimeNs, mtimeNs } = stat;
    const [writtenAt, readAt] = [moment(mtimeNs), moment(atimeNs)];
    if (writtenAt === undefined || readAt === undefined || readAt < writtenAt - WRITING) return {};
    if (atimeNs > mtimeNs) return { evidence: { kind: 'read', writtenAt, readAt } };
    keeps ??= keepsAccessTimes();
    return { evidence: { kind: keeps(path) ? 'unread' : 'unknown', writtenAt } };
  };
}

function moment(ns: bigint): number | undefined {
  const ms = ns / NS_PER_MS;
  return ms >= 0n && ms <= LAST_MOMENT ? Number(ms) : undefined;
}
