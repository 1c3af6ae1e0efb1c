import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openSite, type Site } from '../support/agent.ts';
import { limit } from '../support/limits.ts';
import { disturb, OUTAGE_TIME, rotate, SECOND, type Course } from './soak-course.ts';
import { SAMPLE, startProduct, startSources, type Subject } from './soak-subjects.ts';

/**
 * Agents whose credentials live for fifteen seconds and are replaced every few, as many rotations as in a day of EC2,
 * beside a metadata service that fails half of the time. SOAK_SECONDS=3600
 * makes an hour of it; test/release has half of one.
 */

const DURATION = Number(process.env['SOAK_SECONDS'] ?? 50) * SECOND;
const QUARTER = DURATION / 4;
/** What a pass may take beyond the moment it was planned for, on a machine that does other things too. */
const SLACK = limit(5 * SECOND);
const MB = 1e6;
const MOST_MEMORY = 1.5 * MB;
const MOST_IN_USE = 0.5 * MB;
const WARM_UP = 300;
/** Between two passes of a busy agent. */
const BREATH = 50;
/** At the end of each quarter: a healthy service, and each agent left to its plan, gives back its memory, and again. */
const REST = 5 * SECOND;

test('short-lived credentials and many faults', { timeout: DURATION + limit(240 * SECOND) }, async (t) => {
  const site = await openSite(t, { lifetime: 15 * SECOND });
  const left = await startProduct(t, site, 'left to its plan');
  const sources = await startSources(t, site);
  const busy = [await startProduct(t, site, 'kept busy'), sources];
  const subjects = [left, ...busy];
  await warmUp(site, busy);
  const course: Course = { healthySince: Date.now(), stood: 0, log: [] };
  const end = new AbortController();
  t.after(() => {
    end.abort();
  });
  const gauges: readonly Gauge[] = [
    ...subjects.map(({ name, memory }) => memoryGauge(`${name}: memory of its own`, memory, MOST_MEMORY)),
    memoryGauge('sources: memory in use, without garbage', sources.inUse, MOST_IN_USE),
    ...subjects.map(({ name, descriptors }) => countGauge(`${name}: file descriptors`, descriptors)),
    countGauge('sources: timers', sources.timers),
  ];
  const watched = watch(subjects, course, end.signal);
  const run = async (): Promise<void> => {
    for (let quarter = 0; quarter < 4; quarter += 1) {
      const time = quarter === 0 ? Math.max(QUARTER, OUTAGE_TIME + SECOND) : QUARTER - REST;
      await work(
        site,
        { busy, course, outage: quarter === 0 },
        AbortSignal.any([end.signal, AbortSignal.timeout(time)]),
      );
      if (!end.signal.aborted) await rest(gauges);
    }
    end.abort();
  };
  const [expired] = await Promise.all([watched, run(), feel(site.path('felt'), course, end.signal)]);
  for (const { what, atRest } of gauges) t.diagnostic(`${what}, at rest after each quarter: ${atRest.join(', ')}`);
  for (const { name, daemon } of subjects) {
    const samples = expired.get(name) ?? 0;
    t.diagnostic(`${name}: ${daemon.notifications()} rotations notified, expired in ${samples} samples`);
    assert.ok(samples > 0, `${name}: the outage was not felt`);
    assert.ok(daemon.notifications() > DURATION / (10 * SECOND), `${name}: ${daemon.notifications()} signals`);
  }
  for (const { what, atRest, most } of gauges) assertNoGrowth(what, atRest, most);
});

/** Rotations without a pause, after which the heap has the size that it works with. */
async function warmUp(site: Site, subjects: readonly Subject[]): Promise<void> {
  for (let done = 0; done < WARM_UP; done += 1) {
    if (done % 10 === 0) site.metadata.rotate();
    await Promise.all(subjects.map((subject) => subject.refresh()));
  }
}

interface Work {
  readonly busy: readonly Subject[];
  readonly course: Course;
  readonly outage: boolean;
}

/** Ends with a healthy service. */
async function work({ metadata }: Site, { busy, course, outage }: Work, end: AbortSignal): Promise<void> {
  const busily = busy.map((subject) => keepBusy(subject, end));
  await Promise.all([disturb(metadata, course, outage, end), rotate(metadata, end), ...busily]);
}

/** Passes and passes: what leaks a little with each of them shows after hundreds. */
async function keepBusy(subject: Subject, end: AbortSignal): Promise<void> {
  while (!end.aborted) {
    await subject.refresh();
    await delay(BREATH);
  }
}

/** Something that must not grow. */
interface Gauge {
  readonly what: string;
  readonly read: () => number;
  /** What counts of all that was read at a time. */
  readonly pick: (sorted: readonly number[]) => number | undefined;
  /** By so much it may be above what it was after the second quarter; in the first one all is still getting warm. */
  readonly most: number;
  /** After each quarter. */
  readonly atRest: number[];
}

/** In bytes; what a pass takes is given back. */
function memoryGauge(what: string, read: Gauge['read'], most: number): Gauge {
  return { what, read, most, pick: (sorted) => sorted[0], atRest: [] };
}

/** Of things that a waiting agent has. A pass may have more of them, or fewer. */
function countGauge(what: string, read: Gauge['read']): Gauge {
  return { what, read, most: 0, pick: (sorted) => sorted[Math.floor(sorted.length / 2)], atRest: [] };
}

async function rest(gauges: readonly Gauge[]): Promise<void> {
  const samples = gauges.map((): number[] => []);
  for (let left = REST; left > 0; left -= SAMPLE) {
    for (const [index, { read }] of gauges.entries()) samples[index]?.push(read());
    await delay(SAMPLE);
  }
  for (const [index, { atRest, pick }] of gauges.entries()) {
    const sorted = samples[index]?.toSorted((a, b) => a - b);
    atRest.push(pick(sorted ?? []) ?? NaN);
  }
}

function assertNoGrowth(what: string, [, second = NaN, , last = NaN]: readonly number[], most: number): void {
  assert.ok(last - second <= most, `${what}: from ${second} to ${last}`);
}

/** Feels how the agents fare on this machine, whose disk may keep everybody who syncs waiting for many seconds. */
async function feel(path: string, course: Course, end: AbortSignal): Promise<void> {
  while (!end.aborted) {
    const before = Date.now();
    await delay(SAMPLE);
    await writeFile(path, '', { flush: true });
    course.stood += Date.now() - before - SAMPLE;
  }
}

/** In how many samples a sink of each subject held expired credentials. */
async function watch(
  subjects: readonly Subject[],
  course: Course,
  end: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const expired = new Map<string, number>();
  while (!end.aborted) {
    for (const subject of subjects)
      if (isExpired(subject, course)) expired.set(subject.name, (expired.get(subject.name) ?? 0) + 1);
    await delay(SAMPLE);
  }
  return expired;
}

/** Expired credentials may stand until the pass that was planned when the service had recovered, and no longer. */
function isExpired({ name, expirations, status }: Subject, { healthySince, stood, log }: Course): boolean {
  const now = Date.now();
  if (expirations().every((expiration) => expiration > now)) return false;
  if (healthySince === undefined) return true;
  const planned = Math.max(Date.parse(status().nextPass?.at ?? ''), healthySince);
  const isLate = now - stood > planned + SLACK || now - stood > healthySince + 4 * SLACK;
  const times = `stood still for ${stood} ms, planned ${new Date(planned).toISOString()}, now ${new Date(now).toISOString()}`;
  assert.ok(!isLate, `${name}: expired credentials stand although good ones are there: ${times}\n${log.join('\n')}`);
  return true;
}
