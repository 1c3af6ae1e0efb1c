import type { BigIntStats } from 'node:fs';
import type { SinkEvidence } from '../core/outcomes.ts';
import { accessTimesShow } from '../paths/access-times.ts';

/** Tells whether anybody has read a file since it was written; nothing, when its times are none that a clock can have. */
export type Witness = (mountId: number, stat: BigIntStats | undefined) => { readonly evidence?: SinkEvidence };

/** What a `Date` can hold; a user can give a file any times. */
const LAST_MOMENT = 8_640_000_000_000_000n;
const NS_PER_MS = 1_000_000n;
/** From the making of a file to its last byte. What was read before that was read by a clock that was set back since. */
const WRITING = 60_000;

/**
 * Under relatime, the default of Linux, the first read after a write moves the access time past the time of the write;
 * later ones leave it there for a day. Our own reads use O_NOATIME. Each mount is looked up once, and only when a file
 * seems unread.
 */
export function makeWitness(show = accessTimesShow): Witness {
  const known = new Map<number, boolean>();
  return (mountId, stat) => {
    if (!stat) return {};
    const { atimeNs, mtimeNs } = stat;
    const [writtenAt, readAt] = [moment(mtimeNs), moment(atimeNs)];
    if (writtenAt === undefined || readAt === undefined || readAt < writtenAt - WRITING) return {};
    if (atimeNs > mtimeNs) return { evidence: { kind: 'read', writtenAt, readAt } };
    const shows = known.get(mountId) ?? show(mountId);
    known.set(mountId, shows);
    return { evidence: { kind: shows ? 'unread' : 'unknown', writtenAt } };
  };
}

function moment(ns: bigint): number | undefined {
  const ms = ns / NS_PER_MS;
  return ms >= 0n && ms <= LAST_MOMENT ? Number(ms) : undefined;
}
