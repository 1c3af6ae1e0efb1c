import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../../src/simulator/faults.ts';
import { openSite, type Site } from '../support/agent.ts';
import { SAMPLE, startProduct, startSources, type Subject } from './soak-subjects.ts';

/**
 * Agents whose credentials live for fifteen seconds and are replaced every few, as many rotations as in a day of EC2,
 * beside a metadata service that fails half of the time. SOAK_SECONDS=3600 makes an hour of it.
 */

const SECOND = 1000;
const DURATION = Number(process.env['SOAK_SECONDS'] ?? 80) * SECOND;
const LIFETIME = 15 * SECOND;
/** What a pass may take beyond the moment it was planned for, on a machine that does other things too. */
const SLACK = 3 * SECOND;
const MB = 1e6;
/** Of private memory; in a short run, what the collector and the allocator keep for later blurs it. */
const MOST_MEMORY = (DURATION < 300 * SECOND ? 5 : 1.5) * MB;
const MOST_IN_USE = 0.5 * MB;
const WARM_UP = 600;
/** Between two passes of a busy agent. */
const BREATH = 50;

const FAULTS: readonly Fault[] = [
  ...(['token', 'role', 'credentials', 'any'] as const).flatMap((at): Fault[] => [
    ...[400, 401, 403, 404, 405, 429, 500, 503].map((value): Fault => ({ at, kind: 'status', value })),
    ...(['hang', 'hang-body', 'drip', 'cut', 'reset', 'torn', 'huge', 'html'] as const).map((kind) => ({ at, kind })),
  ]),
  { at: 'token', kind: 'short-ttl' },
  { at: 'credentials', kind: 'invalidate-token' },
  { at: 'credentials', kind: 'empty-fields' },
  { at: 'credentials', kind: 'denied' },
  { at: 'credentials', kind: 'expired' },
  { at: 'credentials', kind: 'expires-earlier', value: 10 * SECOND },
];

/** What the metadata service does. */
interface Course {
  /** Since when it gives good credentials; undefined while it does not. */
  healthySince: number | undefined;
  readonly log: string[];
}

interface Watched {
  readonly subject: Subject;
  readonly memory: number[];
  readonly descriptors: number[];
  /** Samples in which a sink held expired credentials. */
  expired: number;
}

test('short-lived credentials and many faults', { timeout: DURATION + 120 * SECOND }, async (t) => {
  const site = await openSite(t, { lifetime: LIFETIME });
  const left = await startProduct(t, site, 'left to its plan');
  const sources = await startSources(t, site);
  const busy = [await startProduct(t, site, 'kept busy'), sources];
  await warmUp(site, busy);
  const course: Course = { healthySince: Date.now(), log: [] };
  const end = new AbortController();
  const over = setTimeout(() => {
    end.abort();
  }, DURATION);
  t.after(() => {
    clearTimeout(over);
    end.abort();
  });
  const { signal } = end;
  const [watched] = await Promise.all([
    watch([left, ...busy], course, signal),
    disturb(site, course, signal),
    rotate(site, signal),
    ...busy.map((subject) => keepBusy(subject, signal)),
  ]);
  for (const one of watched) report(t, one);
  for (const { subject, descriptors, expired } of watched) {
    assert.ok(expired > 0, `${subject.name}: the outage was not felt`);
    assert.ok(subject.daemon.told() > DURATION / (10 * SECOND), `${subject.name}: ${subject.daemon.told()} signals`);
    assertNoGrowth(`${subject.name}: file descriptors`, quarters(descriptors, least), 0);
  }
  for (const { subject, memory } of watched)
    assertNoGrowth(`${subject.name}: private memory`, quarters(memory, middle), MOST_MEMORY);
  const { inUse, timers } = sources.measured();
  assert.ok(inUse.length > DURATION / (2 * SAMPLE));
  t.diagnostic(`sources, without garbage: ${inMegabytes(quarters(inUse, middle))} MB in use`);
  assertNoGrowth('memory in use', quarters(inUse, middle), MOST_IN_USE);
  assertNoGrowth('timers', quarters(timers, least), 0);
});

/** Rotations without a pause, after which the heap has the size that it works with. */
async function warmUp(site: Site, subjects: readonly Subject[]): Promise<void> {
  for (let done = 0; done < WARM_UP; done += 1) {
    if (done % 10 === 0) site.metadata.rotate();
    await Promise.all(subjects.map((subject) => subject.refresh()));
  }
}

/** Passes and passes: what leaks a little with each of them shows after hundreds. */
async function keepBusy(subject: Subject, end: AbortSignal): Promise<void> {
  while (!end.aborted) {
    await subject.refresh();
    await delay(BREATH);
  }
}

/** The last quarter may be above the first half by so much: what was given back in one quarter is taken in another. */
function assertNoGrowth(
  what: string,
  [first = NaN, second = NaN, , last = NaN]: readonly number[],
  most: number,
): void {
  const before = Math.max(first, second);
  assert.ok(last - before <= most, `${what}: from ${before} to ${last}`);
}

type Pick = (sorted: readonly number[]) => number | undefined;

/** Of what comes and goes with each pass, that which stays. */
const least: Pick = (sorted) => sorted[0];
const middle: Pick = (sorted) => sorted[Math.floor(sorted.length / 2)];

function quarters(samples: readonly number[], pick: Pick): number[] {
  return [0, 1, 2, 3].map((quarter) => {
    const part = samples.slice((samples.length * quarter) / 4, (samples.length * (quarter + 1)) / 4);
    return pick(part.toSorted((a, b) => a - b)) ?? NaN;
  });
}

function inMegabytes(bytes: readonly number[]): string {
  return bytes.map((some) => (some / MB).toFixed(1)).join(', ');
}

function report(t: TestContext, { subject, memory, descriptors, expired }: Watched): void {
  t.diagnostic(
    `${subject.name}: ${subject.daemon.told()} rotations told, expired in ${expired} of ${memory.length} samples; ` +
      `by quarters, descriptors ${quarters(descriptors, least).join(', ')}, private memory ${inMegabytes(quarters(memory, middle))} MB`,
  );
}

/** An outage that is longer than credentials live. */
const OUTAGE: Fault = { at: 'any', kind: 'hang' };
const OUTAGE_TIME = LIFETIME + 4 * SECOND;

/** Faults and none by turns, for one to eight seconds each, but for one long outage. */
async function disturb(site: Site, course: Course, end: AbortSignal): Promise<void> {
  for (let turn = 0; !end.aborted; turn += 1) {
    const isBad = turn % 2 === 0;
    const isLong = turn === 4;
    const some = Array.from({ length: 1 + Math.floor(Math.random() * 3) }, pickFault);
    const faults = isLong ? [OUTAGE] : isBad ? some : [];
    course.log.push(`${new Date().toISOString()} ${isBad ? JSON.stringify(faults) : 'healthy'}`);
    course.healthySince = isBad ? undefined : Date.now();
    site.metadata.setFaults(faults);
    await delay(isLong ? OUTAGE_TIME : SECOND + Math.random() * 7 * SECOND);
  }
}

function pickFault(): Fault {
  const fault = FAULTS[Math.floor(Math.random() * FAULTS.length)];
  assert(fault);
  return Math.random() < 0.5 ? fault : { ...fault, probability: 0.5 };
}

async function rotate(site: Site, end: AbortSignal): Promise<void> {
  while (!end.aborted) {
    await delay(2 * SECOND + Math.random() * 3 * SECOND);
    site.metadata.rotate();
  }
}

async function watch(subjects: readonly Subject[], course: Course, end: AbortSignal): Promise<readonly Watched[]> {
  const watched = subjects.map((subject): Watched => ({ subject, memory: [], descriptors: [], expired: 0 }));
  while (!end.aborted) {
    for (const one of watched) {
      one.memory.push(one.subject.memory());
      one.descriptors.push(one.subject.descriptors());
      if (isExpired(one.subject, course)) one.expired += 1;
    }
    await delay(SAMPLE);
  }
  return watched;
}

/** Expired credentials may stand until the pass that was planned when the service had recovered, and no longer. */
function isExpired({ name, expirations, status }: Subject, { healthySince, log }: Course): boolean {
  const now = Date.now();
  if (expirations().every((expiration) => expiration > now)) return false;
  if (healthySince === undefined) return true;
  const planned = Math.max(Date.parse(status().nextPass?.at ?? ''), healthySince);
  const isLate = now > planned + SLACK || now > healthySince + 4 * SLACK;
  const times = `planned ${new Date(planned).toISOString()}, now ${new Date(now).toISOString()}`;
  assert.ok(!isLate, `${name}: expired credentials stand although good ones are there: ${times}\n${log.join('\n')}`);
  return true;
}
