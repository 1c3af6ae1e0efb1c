import { Cron } from 'croner';
import { attempt } from '../core/errors.ts';
import type { Clock } from '../core/contracts.ts';

export function createClock(): Clock {
  return {
    now: () => Date.now(),
    random: () => Math.random(),
    sleep,
    nextMatch: ({ pattern, timezone }, epochMs) => cron(pattern, timezone).nextRun(new Date(epochMs))?.getTime(),
  };
}

/** Why a cron pattern or a time zone cannot be used, for the administrator to read; undefined when it can. */
export function validatePattern(pattern: string, timezone?: string): string | undefined {
  const isKnown = (timeZone: string): boolean =>
    attempt(() => new Intl.DateTimeFormat('en', { timeZone }), undefined) !== undefined;
  if (timezone !== undefined && !isKnown(timezone)) return `unknown time zone ${JSON.stringify(timezone)}`;
  try {
    const schedule = cron(pattern, timezone);
    if (schedule.getPattern() === undefined) return 'a date is not a pattern';
    return schedule.nextRun() === null ? 'it never matches' : undefined;
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^Cron\w*: /, '') : String(error);
  }
}

/** The longest wait that a timer can hold, 24 days; beyond it, a clock set back is not made up for. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** How much later than croner the second timer looks, so that it only speaks when the clock was set back. */
const GRACE_MS = 1000;

/**
 * croner looks at the wall clock every 30 s, so that a sleep survives suspend and a clock set ahead. A clock set back
 * would prolong the sleep by as much (a year, where the clock was wrong at boot): no sleep takes longer in real time
 * than was asked for.
 */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const wake = () => {
      job.stop();
      clearTimeout(timer);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    // `allowPast`, or a moment that is just over would never come; no zone conversion, or milliseconds get lost.
    const job = new Cron(new Date(Date.now() + ms), { allowPast: true, utcOffset: 0 }, wake);
    const most = Math.max(ms, 0) + GRACE_MS;
    const timer = most > MAX_TIMER_MS ? undefined : setTimeout(wake, most);
    signal.addEventListener('abort', wake);
  });
}

/** For looking only: without a function, croner starts no timer. */
function cron(pattern: string, timezone: string | undefined): Cron {
  return new Cron(pattern, timezone === undefined ? {} : { timezone });
}
