import type { RefreshConfig } from '../core/config.ts';

/** Times are epoch milliseconds, durations milliseconds. */
export interface PlanInput {
  readonly now: number;
  readonly refresh: RefreshConfig;
  /** The credentials in the files, with their lifetime when they were fetched. */
  readonly current?: { readonly expiration: number; readonly lifetime: number };
  /** Passes that failed since the last success. */
  readonly failures: number;
  /** Uniform in [0, 1). */
  readonly random: number;
  /** The first match of the configured cron pattern after a moment. */
  readonly nextMatch?: (after: number) => number | undefined;
}

export interface Plan {
  readonly at: number;
  /** From `now` until then. */
  readonly waitMs: number;
  readonly reason: PlanReason;
}

export type PlanReason = 'advisory' | 'max_interval' | 'schedule' | 'retry';

/**
 * When the next pass is due. Every wait is jittered, so that a fleet started at one moment does not stay in step; none
 * is shorter than a second, and none but such a shortest one ends after the expiration of credentials that still live.
 */
export function planNext(input: PlanInput): Plan {
  const due = input.failures > 0 ? afterFailure(input) : afterSuccess(input);
  const waitMs = Math.max(MIN_WAIT, Math.floor(due.waitMs));
  return { at: input.now + waitMs, waitMs, reason: due.reason };
}

type Due = Omit<Plan, 'at'>;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const MIN_WAIT = SECOND;

/** The last part of a wait over which passes are spread: of the default five minutes, one. */
const SPREAD = 0.2;
/** A cron pattern names the same moment everywhere; passes follow it by up to so much. */
const SCHEDULE_SPREAD = 10 * SECOND;

/** The source is asked so often for what it should have by now: several times before the end, in no case in a rush. */
const OVERDUE_SHARE = 1 / 4;
const OVERDUE_MIN = 5 * SECOND;
const OVERDUE_MAX = MINUTE;

/** While nothing valid is in the files, applications stand still: a service that is well again is found within this. */
const WITHOUT_CREDENTIALS = 10 * SECOND;

const BACKOFF_START = SECOND;
const BACKOFF_SHARE = 1 / 4;
const BACKOFF_CAP = 5 * MINUTE;
const BACKOFF_CAP_URGENT = MINUTE;

function afterSuccess({ now, refresh, current, random, nextMatch }: PlanInput): Due {
  const early = 1 - SPREAD * random;
  const due: Due[] = [{ waitMs: refresh.maxInterval * early, reason: 'max_interval' }];
  if (current) {
    const left = current.expiration - now;
    const ahead = left - advisoryWindow(refresh, current.lifetime);
    due.push({ waitMs: (ahead > 0 ? ahead : overdueWait(left)) * early, reason: 'advisory' });
  }
  const match = nextMatch?.(now);
  if (match !== undefined) due.push({ waitMs: match - now + SCHEDULE_SPREAD * random, reason: 'schedule' });
  return due.reduce((first, next) => (next.waitMs < first.waitMs ? next : first));
}

/** Within the advisory window, where the source still gives the same credentials. */
function overdueWait(left: number): number {
  if (left <= 0) return WITHOUT_CREDENTIALS;
  return Math.min(Math.max(left * OVERDUE_SHARE, OVERDUE_MIN), OVERDUE_MAX, left / 2);
}

/** Exponential, with full jitter. */
function afterFailure({ now, refresh, current, failures, random }: PlanInput): Due {
  const left = current ? current.expiration - now : 0;
  const urgent = current !== undefined && left < advisoryWindow(refresh, current.lifetime);
  const longest = Math.min(
    BACKOFF_START * 2 ** failures,
    left <= 0 ? WITHOUT_CREDENTIALS : urgent ? BACKOFF_CAP_URGENT : BACKOFF_CAP,
    refresh.maxInterval,
    left > 0 ? left * BACKOFF_SHARE : Infinity,
  );
  return { waitMs: BACKOFF_START + (longest - BACKOFF_START) * random, reason: 'retry' };
}

/** How long before their expiration credentials should be replaced, as the AWS SDKs have it. */
function advisoryWindow(refresh: RefreshConfig, lifetime: number): number {
  if (refresh.beforeExpiry !== undefined) return refresh.beforeExpiry;
  if (lifetime <= 20 * MINUTE) return 5 * MINUTE;
  return lifetime < 90 * MINUTE ? 15 * MINUTE : 60 * MINUTE;
}
