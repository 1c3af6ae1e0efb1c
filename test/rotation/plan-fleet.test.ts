import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RefreshConfig } from '../../src/core/config.ts';
import { firstWait, issueAt, planNext, type PlanInput } from '../../src/rotation/plan.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const AGENTS = 10_000;

interface Fleet {
  readonly refresh: RefreshConfig;
  readonly lifetime: number;
  /** The source is down from the first moment to the second. */
  readonly outage?: readonly [from: number, to: number];
  readonly until: number;
  readonly random: () => number;
}

/** The most requests that reach the source within one second, the first ones left out; and what has run out. */
function simulate(fleet: Fleet, countFrom: number): { peak: number; expired: number } {
  const requests = new Uint32Array(fleet.until / SECOND);
  let expired = 0;
  for (let agent = 0; agent < AGENTS; agent++) expired += simulateAgent(fleet, requests);
  return { peak: Math.max(...requests.subarray(countFrom / SECOND)), expired };
}

function simulateAgent({ refresh, lifetime, outage, until, random }: Fleet, requests: Uint32Array): number {
  let current: { expiration: number; lifetime: number } | undefined;
  let failures = 0;
  let expired = 0;
  for (let now = 0; now < until;) {
    const second = Math.floor(now / SECOND);
    requests[second] = (requests[second] ?? 0) + 1;
    const down = outage !== undefined && now >= outage[0] && now < outage[1];
    if (current && now > current.expiration) expired++;
    if (!down) current = { expiration: now + lifetime, lifetime };
    failures = down ? failures + 1 : 0;
    now = planNext({ now, refresh, ...(current && { current }), failures, random: random() }).at;
  }
  return expired;
}

describe(`${AGENTS} agents started in the same second`, () => {
  const day: Pick<Fleet, 'refresh' | 'lifetime'> = { refresh: { maxInterval: 5 * MINUTE }, lifetime: 6 * HOUR };
  const outage = [20 * MINUTE, 30 * MINUTE] as const;

  test('would stay in step without jitter', () => {
    const { peak } = simulate({ ...day, outage, until: HOUR, random: () => 0 }, SECOND);
    assert.equal(peak, AGENTS);
  });

  test('spread from the second pass on, through an outage of ten minutes and after it', () => {
    const { peak } = simulate({ ...day, outage, until: HOUR, random: seeded(1) }, SECOND);
    assert.ok(peak <= AGENTS / 10, `${peak} in one second`);
  });

  test('spread within a minute when they are started during the outage', () => {
    // Each asks the service of its own instance, every ten seconds at least while it has no credentials.
    const { peak } = simulate({ ...day, outage: [0, 10 * MINUTE], until: HOUR, random: seeded(2) }, MINUTE);
    assert.ok(peak <= AGENTS / 5, `${peak} in one second`);
  });

  test('spread where the advisory window decides', () => {
    const hourly: Pick<Fleet, 'refresh' | 'lifetime'> = { refresh: { maxInterval: 24 * HOUR }, lifetime: HOUR };
    const { peak } = simulate({ ...hourly, until: 3 * HOUR, random: seeded(3) }, SECOND);
    assert.ok(peak <= AGENTS / 100, `${peak} in one second`);
  });

  test('let nothing run out in an outage that is shorter than the window', () => {
    const short: Pick<Fleet, 'refresh' | 'lifetime'> = { refresh: { maxInterval: 24 * HOUR }, lifetime: HOUR };
    const { expired } = simulate(
      { ...short, outage: [40 * MINUTE, 50 * MINUTE], until: 2 * HOUR, random: seeded(4) },
      0,
    );
    assert.equal(expired, 0);
  });
});

/** Of STS, by all hosts of an account: calls a second, to one region. */
const QUOTA = 600;

interface Account {
  /** When the agents start, their sessions live for this at least, and an hour at most; undefined: there are none. */
  readonly left?: number;
  /** STS is away from the first moment to the second. */
  readonly outage: readonly [from: number, to: number];
  readonly random: () => number;
}

interface Calls {
  /** The most within one second of this time. */
  readonly peak: (from: number, to?: number) => number;
  /** Passes that found an expired session. */
  readonly expired: number;
}

const NEVER = [0, 0] as const;

/** Three hours of agents with one assumed role each, all started in the same second. */
function callsOf(account: Account): Calls {
  const calls = new Uint32Array((3 * HOUR) / SECOND);
  let expired = 0;
  for (let agent = 0; agent < AGENTS; agent++) expired += callsOfAgent(account, calls);
  return { peak: (from, to) => Math.max(...calls.subarray(from / SECOND, to && to / SECOND)), expired };
}

function callsOfAgent({ left, outage, random }: Account, calls: Uint32Array): number {
  const refresh: RefreshConfig = { maxInterval: 5 * MINUTE };
  const issuer = { spread: random() };
  let current = left === undefined ? undefined : { expiration: left + (HOUR - left) * random(), lifetime: HOUR };
  let failures = 0;
  let expired = 0;
  const plan = (now: number): PlanInput => ({
    ...{ now, refresh, issuer, failures, random: random() },
    ...(current && { current }),
  });
  for (let now = firstWait(plan(0)); now < calls.length * SECOND; now = planNext(plan(now)).at) {
    if (current && now > current.expiration) expired++;
    if (current && now < issueAt(current, refresh, issuer.spread)) continue;
    const isAway = now >= outage[0] && now < outage[1];
    const second = Math.floor(now / SECOND);
    calls[second] = (calls[second] ?? 0) + 1;
    if (!isAway) current = { expiration: now + HOUR, lifetime: HOUR };
    failures = isAway ? failures + 1 : 0;
  }
  return expired;
}

describe(`${AGENTS} agents with one assumed role each, started in the same second`, () => {
  test('would ask STS at once without jitter', () => {
    assert.equal(callsOf({ outage: NEVER, random: () => 0 }).peak(0), AGENTS);
  });

  test('stay below its limit, and well below it from then on', () => {
    const { peak } = callsOf({ outage: NEVER, random: seeded(11) });
    assert.ok(peak(0) <= QUOTA, `${peak(0)} in one second`);
    assert.ok(peak(MINUTE) <= QUOTA / 10, `${peak(MINUTE)} in one second later`);
  });

  test('stay below it where many of their sessions were to be replaced while they were stopped', () => {
    const { peak, expired } = callsOf({ left: MINUTE, outage: NEVER, random: seeded(12) });
    assert.ok(peak(0) <= QUOTA, `${peak(0)} in one second`);
    assert.equal(expired, 0);
  });

  test('stay below it through an outage of ten minutes and after it, and no session runs out', () => {
    const outage = [40 * MINUTE, 50 * MINUTE] as const;
    const { peak, expired } = callsOf({ outage, random: seeded(13) });
    assert.ok(peak(...outage) <= QUOTA, `${peak(...outage)} in one second of the outage`);
    assert.ok(peak(outage[1]) <= QUOTA / 5, `${peak(outage[1])} in one second after it`);
    assert.equal(expired, 0);
  });

  test('without sessions, in such an outage: stay below it too', (t) => {
    const end = 10 * MINUTE;
    const { peak } = callsOf({ outage: [0, end], random: seeded(14) });
    t.diagnostic(
      `${peak(0, MINUTE)} in one second of the first minute, ${peak(MINUTE, end)} later, ${peak(end)} after it`,
    );
    assert.ok(peak(0) <= QUOTA);
  });
});

/** mulberry32: small, and the same on every machine. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
