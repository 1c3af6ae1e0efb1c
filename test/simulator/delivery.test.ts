import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import type { Delivery } from '../../src/simulator/answer.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import { CREDENTIALS, start } from './harness.ts';

interface Seen {
  readonly response: IncomingMessage | undefined;
  readonly bytes: number;
}

/** Reads what comes until the connection ends; `onBytes` hears how much there is so far. */
async function watch(simulator: Simulator, onBytes: (bytes: number) => void = () => undefined): Promise<Seen> {
  let response: IncomingMessage | undefined;
  let bytes = 0;
  try {
    const sent = request(simulator.url + CREDENTIALS, { agent: false }).end();
    [response] = (await once(sent, 'response')) as [IncomingMessage];
    for await (const chunk of response as AsyncIterable<Buffer>) onBytes((bytes += chunk.length));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
  }
  return { response, bytes };
}

describe('an answer that does not arrive in one piece', { timeout: limit(30_000) }, () => {
  const faulty = (kind: Delivery) => ({ v1: true, faults: [{ at: 'credentials', kind }] }) as const;

  test('hang: nothing comes, until the simulator is closed', async (t) => {
    const simulator = await start(t, faulty('hang'));
    const seen = watch(simulator);
    await eventually('the request arrives', () => simulator.requests.length === 1);
    assert.equal(simulator.requests[0]?.status, 0);
    await simulator.close();
    assert.equal((await seen).response, undefined);
  });

  test('hang-body: half of it comes, until the simulator is closed', async (t) => {
    const simulator = await start(t, faulty('hang-body'));
    const { promise, resolve } = Promise.withResolvers<number>();
    const seen = watch(simulator, resolve);
    await promise;
    await simulator.close();
    const { response, bytes } = await seen;
    assert.equal(Math.ceil(Number(response?.headers['content-length']) / 2), bytes);
  });

  test('drip: it comes byte by byte', async (t) => {
    const simulator = await start(t, faulty('drip'));
    const { promise, resolve } = Promise.withResolvers<number>();
    const seen = watch(simulator, (bytes) => {
      if (bytes >= 2) resolve(bytes);
    });
    assert.equal(await promise, 2);
    await simulator.close();
    const { response, bytes } = await seen;
    assert.equal(response?.statusCode, 200);
    assert.ok(bytes < Number(response.headers['content-length']));
  });

  test('cut: the connection ends in the middle of the body', async (t) => {
    const { response, bytes } = await watch(await start(t, faulty('cut')));
    assert.equal(Math.ceil(Number(response?.headers['content-length']) / 2), bytes);
  });

  test('reset: the connection ends before an answer', async (t) => {
    const simulator = await start(t, faulty('reset'));
    assert.equal((await watch(simulator)).response, undefined);
    assert.equal(simulator.requests[0]?.status, 0);
  });

  test('closing twice is no trouble', async (t) => {
    const simulator = await start(t);
    await simulator.close();
    await simulator.close();
  });
});
