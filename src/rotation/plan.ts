import type { RefreshConfig } from '../core/config.ts';
import type { FailedFetch } from '../core/contracts.ts';

/** Times are epoch milliseconds, durations milliseconds. */
export interface PlanInput {
  readonly now: number;
  readonly refresh: RefreshConfig;
  /** The credentials in the files, with their lifetime when they were fetched. */
  readonly current?: { readonly expiration: number; readonly lifetime: number };
  /** Passes that failed since the last success. */
  readonly failures: number;
  /** Of a source that is asked only when its credentials run out: the place of this host among others, from 0 to 1. */
  readonly issuer?: { readonly spread: number; readonly retry?: FailedFetch['retry'] | undefined };
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
/** A cron pattern names the same moment on every host; passes follow it by up to this. */
const SCHEDULE_SPREAD = 10 * SECOND;

/** How often the source is asked for overdue credentials: several times before the expiration, never in a rush. */
const OVERDUE_SHARE = 1 / 4;
const OVERDUE_MIN = 5 * SECOND;
const OVERDUE_MAX = MINUTE;

/** Without valid credentials applications stand still: a service that recovers is found within this. */
const WITHOUT_CREDENTIALS = 10 * SECOND;

const BACKOFF_START = SECOND;
const BACKOFF_SHARE = 1 / 4;
const BACKOFF_CAP = 5 * MINUTE;
const BACKOFF_CAP_URGENT = MINUTE;

function afterSuccess({ now, refresh, current, issuer, random, nextMatch }: PlanInput): Due {
  const early = 1 - SPREAD * random;
  const due: Due[] = [{ waitMs: refresh.maxInterval * early, reason: 'max_interval' }];
  if (current && issuer && now < issueAt(current, refresh, issuer.spread)) {
    due.push({ waitMs: issueAt(current, refresh, issuer.spread) - now, reason: 'advisory' });
  } else if (current) {
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

/** The part of a lifetime over which the hosts of an account are spread, whose calls one quota bounds. */
const ISSUER_SPREAD = 0.2;

/** From when on new credentials are to be issued in place of these: for each host another moment. */
export function issueAt(
  { expiration, lifetime }: NonNullable<PlanInput['current']>,
  refresh: RefreshConfig,
  spread: number,
): number {
  const window = Math.min(advisoryWindow(refresh, lifetime), lifetime / 2);
  return expiration - window - spread * ISSUER_SPREAD * lifetime;
}

/**
 * A whole fleet may have started in one second: the first calls are spread over this, of which a quota bears as many.
 */
const FIRST_CALL_SPREAD = 30 * SECOND;

/**
 * How long the first pass of a process waits: not at all, where nothing is to be issued, or the source is this host's
 * alone.
 */
export function firstWait({
  now,
  refresh,
  current,
  issuer,
  random,
}: Pick<PlanInput, 'now' | 'refresh' | 'current' | 'issuer' | 'random'>): number {
  return !issuer || (current && now < issueAt(current, refresh, issuer.spread)) ? 0 : FIRST_CALL_SPREAD * random;
}

/** Exponential, with full jitter. */
function afterFailure(input: PlanInput): Due {
  const { now, refresh, current, failures, random, issuer } = input;
  if (issuer) return { waitMs: issuerRetry(input, issuer.retry), reason: 'retry' };
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

/** Somebody must act first: the source is asked as often as the metadata service. */
const LATER = 5 * MINUTE;

/** All hosts of an account share its quota, and each must have its turn. */
function issuerRetry({ now, current, failures, random }: PlanInput, retry: FailedFetch['retry']): number {
  const left = current ? current.expiration - now : 0;
  const bound = left > 0 ? left : Infinity;
  if (retry === 'later') return Math.min(LATER * (1 - SPREAD * random), bound);
  if (left <= 0) return MINUTE * random;
  const longest = Math.min(left * BACKOFF_SHARE, BACKOFF_CAP);
  return retry === 'throttled'
    ? longest * (1 + random) * 0.5
    : Math.min(longest, BACKOFF_START * 2 ** failures) * random;
}

/** How long before their expiration credentials should be replaced, as the AWS SDKs have it. */
function advisoryWindow(refresh: RefreshConfig, lifetime: number): number {
  if (refresh.beforeExpiry !== undefined) return refresh.beforeExpiry;
  if (lifetime <= 20 * MINUTE) return 5 * MINUTE;
  return lifetime < 90 * MINUTE ? 15 * MINUTE : 60 * MINUTE;
}
