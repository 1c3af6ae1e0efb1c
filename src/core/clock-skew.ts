import { formatExpiration } from './credentials.ts';

/** Below it, whole seconds and the way of the answer blur the comparison. */
const NOTABLE_MS = 60_000;

/**
 * The time by the source's clock, in epoch milliseconds. An expiration is a time of that clock, and ours may be wrong:
 * at boot it can be in 1970. Where both agree within a minute, or the source's time is unknown, ours counts.
 */
export function sourceTime(now: number, clockSkew: number | undefined): number {
  return now - notableSkew(clockSkew);
}

/**
 * Our clock at `now` minus that of the sender of these headers, in milliseconds, to the second. Undefined without a
 * date, and for an answer from a cache, whose date is that of its storing.
 */
export function skewOf(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const date = Date.parse(headers['date'] ?? '');
  return Number.isNaN(date) || headers['age'] !== undefined ? undefined : now - date;
}

/** Our clock minus the source's in milliseconds; 0 where that is not worth mentioning. */
export function notableSkew(clockSkew = 0): number {
  return Math.abs(clockSkew) > NOTABLE_MS ? clockSkew : 0;
}

/** The times of both clocks at `now`, our time; undefined if they agree. */
export function skewFact(clockSkew: number | undefined, now: number): string | undefined {
  const skew = notableSkew(clockSkew);
  if (skew === 0) return undefined;
  return `the clock of this host says ${formatExpiration(now)}, that of the source ${formatExpiration(now - skew)}`;
}

/** The same as a warning that says what to do. */
export function describeSkew(clockSkew: number | undefined, now: number): string | undefined {
  const fact = skewFact(clockSkew, now);
  return fact && `${fact}: set it right (timedatectl), since AWS refuses requests that are signed at a wrong time`;
}
