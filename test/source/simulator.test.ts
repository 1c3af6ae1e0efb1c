import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Source } from '../../src/core/contracts.ts';
import type { ErrorCode } from '../../src/core/errors.ts';
import type { SourceState } from '../../src/core/outcomes.ts';
import type { Fault, FaultKind } from '../../src/simulator/faults.ts';
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts';
import { createImdsSource } from '../../src/source/imds/source.ts';
import { HastyClock, imdsRig } from '../support/imds-server.ts';
import { limit } from '../support/limits.ts';

const signal = new AbortController().signal;

interface Pair {
  readonly source: Source;
  readonly simulator: Simulator;
  readonly clock: HastyClock;
}

/** Faults that are over when the time for an answer is: a fetch has room for three of them within its 30 s. */
const WAITS: ReadonlySet<FaultKind> = new Set(['hang', 'hang-body', 'drip']);

/** A source and the simulator that it asks, by one clock. */
async function pair(t: TestContext, options: SimulatorOptions = {}): Promise<Pair> {
  const clock = new HastyClock();
  const simulator = await createSimulator({ now: () => clock.now(), ...options });
  t.after(() => simulator.close());
  const isSlow = options.faults?.some(({ kind }) => WAITS.has(kind)) ?? false;
  const config = { attempts: 3, ...(isSlow && { timeout: Math.min(limit(1_000), 8_000) }) };
  const rig = imdsRig(t, { origin: simulator.url }, config);
  return { source: createImdsSource({ ...rig, clock }), simulator, clock };
}

async function keyOf(source: Source): Promise<string> {
  const fetched = await source.fetch(signal);
  assert(fetched.ok, JSON.stringify(fetched));
  return fetched.credentials.accessKeyId;
}

test('credentials, where they come from, and the time', async (t) => {
  const { source, simulator } = await pair(t, { role: 'web', instanceId: 'i-0def', accountId: '111122223333' });
  const fetched = await source.fetch(signal);
  assert(fetched.ok);
  const { accessKeyId, expiration, lastUpdated } = simulator.current();
  assert.equal(fetched.credentials.accessKeyId, accessKeyId);
  assert.equal(fetched.credentials.expiration, Math.floor(expiration / 1000) * 1000);
  assert.equal(fetched.credentials.lastUpdated, Math.floor(lastUpdated / 1000) * 1000);
  const { endpoint = '', ...origin } = fetched.origin;
  assert.match(endpoint, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.deepEqual(origin, { role: 'web', instanceId: 'i-0def', accountId: '111122223333', region: 'us-east-1' });
  assert.equal(fetched.clockSkew, 0);
});

test('rotations and swaps of the role', async (t) => {
  const { source, simulator } = await pair(t);
  const first = await keyOf(source);
  assert.equal(await keyOf(source), first);
  simulator.rotate();
  assert.notEqual(await keyOf(source), first);
  simulator.setRole('other');
  const swapped = await source.fetch(signal);
  assert.equal(swapped.ok && swapped.origin.role, 'other');
  simulator.setRole(null);
  const removed = await source.fetch(signal);
  assert.equal(!removed.ok && removed.state, 'no_role');
});

test('a day of fetches takes a token for six hours at a time', async (t) => {
  const { source, simulator, clock } = await pair(t);
  const fetches = 24 * 2;
  for (let done = 0; done < fetches; done += 1) {
    await keyOf(source);
    clock.advance(1_800_000);
  }
  const asked = (method: string) => simulator.requests.filter((request) => request.method === method).length;
  assert.equal(asked('PUT'), 4);
  // A machine that stands still for longer than a connection is kept has a request made again.
  assert.equal(asked('GET'), 2 * fetches + 1 + clock.sleeps.length);
  assert(simulator.requests.every(({ status }) => status === 200));
});

describe('faults that pass within a fetch', { concurrency: true }, () => {
  const faults: Fault[] = [
    { at: 'token', kind: 'throttle', times: 2 },
    { at: 'role', kind: 'status', value: 500, times: 2 },
    { at: 'credentials', kind: 'reset', times: 2 },
    { at: 'credentials', kind: 'invalidate-token', times: 1 },
    { at: 'token', kind: 'hang', times: 1 },
    { at: 'credentials', kind: 'hang-body', times: 1 },
    { at: 'credentials', kind: 'cut', times: 1 },
    { at: 'token', kind: 'short-ttl' },
    { at: 'credentials', kind: 'content-type' },
    { at: 'credentials', kind: 'unknown-keys' },
    { at: 'role', kind: 'many-roles' },
    { at: 'any', kind: 'trailing-newline' },
  ];
  for (const fault of faults) {
    test(`${fault.kind} at ${fault.at}`, async (t) => {
      const { source, simulator } = await pair(t, { faults: [fault] });
      assert.equal(await keyOf(source), simulator.current().accessKeyId);
    });
  }
});

describe('faults that last', { concurrency: true }, () => {
  const table: [fault: Fault, state: SourceState, code: ErrorCode][] = [
    [{ at: 'any', kind: 'throttle' }, 'unreachable', 'IMDS_THROTTLED'],
    [{ at: 'any', kind: 'status', value: 403 }, 'denied', 'IMDS_DENIED'],
    [{ at: 'token', kind: 'hang' }, 'unreachable', 'IMDS_UNREACHABLE'],
    [{ at: 'credentials', kind: 'drip' }, 'unreachable', 'IMDS_UNREACHABLE'],
    [{ at: 'credentials', kind: 'torn' }, 'malformed', 'IMDS_MALFORMED'],
    [{ at: 'credentials', kind: 'huge' }, 'malformed', 'IMDS_MALFORMED'],
    [{ at: 'any', kind: 'html' }, 'malformed', 'IMDS_MALFORMED'],
    [{ at: 'role', kind: 'html' }, 'malformed', 'IMDS_MALFORMED'],
    [{ at: 'credentials', kind: 'empty-fields' }, 'malformed', 'IMDS_MALFORMED'],
    [{ at: 'credentials', kind: 'denied' }, 'denied', 'IMDS_DENIED'],
    [{ at: 'credentials', kind: 'expired' }, 'expired', 'IMDS_EXPIRED'],
  ];
  for (const [fault, state, code] of table) {
    test(`${fault.kind} at ${fault.at}: ${state}, until it is gone`, async (t) => {
      const { source, simulator } = await pair(t, { faults: [fault] });
      const fetched = await source.fetch(signal);
      assert(!fetched.ok);
      assert.deepEqual([fetched.state, fetched.error.code], [state, code], fetched.error.message);
      simulator.setFaults([]);
      assert.equal(await keyOf(source), simulator.current().accessKeyId);
    });
  }
});

test('a clock that runs behind is noticed', async (t) => {
  const { source } = await pair(t, { faults: [{ at: 'credentials', kind: 'skew', value: 3_600_000 }] });
  assert.equal((await source.fetch(signal)).clockSkew, -3_600_000);
});
