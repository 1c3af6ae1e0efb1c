import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from '../../src/simulator/faults.ts';
import type { Metadata } from '../support/secrets.ts';

/** What the metadata service goes through in a soak. */

export const SECOND = 1000;

export interface Course {
  /** Since when it gives good credentials; undefined while it does not. */
  healthySince: number | undefined;
  /** For how long the machine or its disk has stood still since then; milliseconds. */
  stood: number;
  readonly log: string[];
}

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

const OUTAGE: Fault = { at: 'any', kind: 'hang' };
/** Longer than credentials live. */
export const OUTAGE_TIME = 19 * SECOND;

/** Faults and none by turns, for one to eight seconds each, after the outage where there is one. Ends healthy. */
export async function disturb(metadata: Metadata, course: Course, outage: boolean, end: AbortSignal): Promise<void> {
  if (outage) await turn(metadata, course, { faults: [OUTAGE], time: OUTAGE_TIME, end });
  for (let isBad = !outage; !end.aborted; isBad = !isBad) {
    const faults = isBad ? Array.from({ length: 1 + Math.floor(Math.random() * 3) }, pickFault) : [];
    await turn(metadata, course, { faults, time: SECOND + Math.random() * 7 * SECOND, end });
  }
  if (course.healthySince === undefined) set(metadata, course, []);
}

interface Turn {
  readonly faults: readonly Fault[];
  /** Milliseconds. */
  readonly time: number;
  readonly end: AbortSignal;
}

async function turn(metadata: Metadata, course: Course, { faults, time, end }: Turn): Promise<void> {
  set(metadata, course, faults);
  await pause(time, end);
}

function set(metadata: Metadata, course: Course, faults: readonly Fault[]): void {
  const isHealthy = faults.length === 0;
  course.log.push(`${new Date().toISOString()} ${isHealthy ? 'healthy' : JSON.stringify(faults)}`);
  course.healthySince = isHealthy ? Date.now() : undefined;
  course.stood = 0;
  metadata.setFaults(faults);
}

function pickFault(): Fault {
  const fault = FAULTS[Math.floor(Math.random() * FAULTS.length)];
  assert(fault);
  return Math.random() < 0.5 ? fault : { ...fault, probability: 0.5 };
}

/** New credentials, every few seconds. */
export async function rotate(metadata: Metadata, end: AbortSignal): Promise<void> {
  while (!end.aborted) {
    await pause(2 * SECOND + Math.random() * 3 * SECOND, end);
    metadata.rotate();
  }
}

/** Until then, or the end. */
async function pause(time: number, signal: AbortSignal): Promise<void> {
  await delay(time, undefined, { signal }).catch(() => undefined);
}
