/** Small pieces of text for people. */

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** `5 h 59 min`, `42 s`: the two largest units. Negative durations are shown as positive ones. */
export function duration(ms: number): string {
  let rest = Math.round(Math.abs(ms) / 1000);
  const parts: string[] = [];
  for (const [name, seconds] of UNITS) {
    const count = Math.floor(rest / seconds);
    rest %= seconds;
    if (count > 0) parts.push(`${String(count)} ${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0 s';
}

/** `in 42 s`, `5 min ago`. */
export function relative(epochMs: number, now: number): string {
  return epochMs >= now ? `in ${duration(epochMs - now)}` : `${duration(now - epochMs)} ago`;
}

/** `1 sink`, `3 sinks`. */
export function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : 's'}`;
}
