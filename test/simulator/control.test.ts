import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, test } from 'node:test';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { CREDENTIALS, send, start, type Reply } from './harness.ts';

function control(simulator: Simulator, method: string, path: string, body?: string): Promise<Reply> {
  const init = body === undefined ? { method } : { method, body };
  return send(simulator, `/simulator/${path}`, { ...init, headers: { 'x-credrotate-simulator': '1' } });
}

function parse(reply: Reply): Record<string, unknown> {
  // Tests look at single fields.
  return JSON.parse(reply.body) as Record<string, unknown>;
}

describe('the control endpoint', () => {
  test('shows the state, without the secrets', async (t) => {
    const simulator = await start(t, { faults: [{ at: 'token', kind: 'hang', times: 2 }] });
    await send(simulator, '/');
    const reply = await control(simulator, 'GET', 'state');
    const { accessKeyId, expiration, secretAccessKey } = simulator.current();
    const { nextRotation } = simulator.state();
    assert.deepEqual(parse(reply), {
      role: 'demo-role',
      generation: 1,
      accessKeyId,
      expiration,
      nextRotation,
      faults: [{ at: 'token', kind: 'hang', times: 2 }],
      requests: [{ method: 'GET', path: '/', status: 401 }],
    });
    assert.ok(!reply.body.includes(secretAccessKey));
  });

  test('rotates, and answers with the state after it', async (t) => {
    const simulator = await start(t);
    const before = simulator.current().accessKeyId;
    assert.equal(parse(await control(simulator, 'POST', 'rotate'))['generation'], 2);
    assert.notEqual(simulator.current().accessKeyId, before);
  });

  test('sets the faults', async (t) => {
    const simulator = await start(t, { v1: true });
    const reply = await control(simulator, 'PUT', 'faults', '[{"at":"credentials","kind":"status","value":502}]');
    assert.equal(reply.status, 200);
    assert.equal((await send(simulator, CREDENTIALS)).status, 502);
    await control(simulator, 'PUT', 'faults', '[]');
    assert.equal((await send(simulator, CREDENTIALS)).status, 200);
  });

  test('swaps the role and takes it away', async (t) => {
    const simulator = await start(t);
    assert.equal(parse(await control(simulator, 'PUT', 'role', '"other"'))['role'], 'other');
    assert.equal(parse(await control(simulator, 'PUT', 'role', 'null'))['role'], null);
  });

  const refused: readonly [path: string, body: string, message: RegExp][] = [
    ['faults', '', /expected JSON, got ""/],
    ['faults', '{}', /expected a JSON array of faults, got "\{\}"/],
    ['faults', '[{"at":"any","kind":"burn"}]', /kind: expected one of .*, got "burn"/],
    ['faults', `"${'x'.repeat(70_000)}"`, /expected a body of at most 65536 bytes, got "70002"/],
    ['role', '5', /expected a role name as a JSON string, or null, got "5"/],
    ['role', '"../x"', /expected a role name/],
  ];
  for (const [path, body, message] of refused) {
    test(`changes nothing for ${path} ${body.slice(0, 40)}`, async (t) => {
      const simulator = await start(t, { faults: [{ at: 'any', kind: 'throttle' }] });
      const reply = await control(simulator, 'PUT', path, body);
      assert.equal(reply.status, 400);
      assert.match(String(parse(reply)['message']), message);
      assert.deepEqual([simulator.state().role, simulator.state().faults.length], ['demo-role', 1]);
    });
  }

  for (const [method, path] of [
    ['GET', 'rotate'],
    ['POST', 'faults'],
    ['GET', 'other'],
  ] as const) {
    test(`does not know ${method} ${path}`, async (t) => {
      const simulator = await start(t);
      assert.equal((await control(simulator, method, path)).status, 404);
      assert.equal(simulator.current().generation, 1);
    });
  }

  test('is not met by faults, and does not count as a request', async (t) => {
    const simulator = await start(t, { faults: [{ at: 'any', kind: 'hang' }] });
    assert.equal((await control(simulator, 'GET', 'state')).status, 200);
    assert.equal(simulator.requests.length, 0);
  });
});

describe('web pages cannot use the control endpoint', () => {
  test('a form cannot: it has no header of its own', async (t) => {
    const simulator = await start(t);
    assert.equal((await send(simulator, '/simulator/rotate', { method: 'POST' })).status, 403);
    assert.equal(simulator.current().generation, 1);
  });

  test('a script cannot: its preflight is refused', async (t) => {
    const reply = await control(await start(t), 'OPTIONS', 'rotate');
    assert.equal(reply.headers.get('access-control-allow-origin'), null);
    assert.equal(reply.status, 404);
  });

  test('a name that is pointed at us later cannot', async (t) => {
    const simulator = await start(t);
    const { hostname, port } = new URL(simulator.url);
    const ask = (host: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = { host, 'x-credrotate-simulator': '1' };
        request(
          { host: hostname, port, method: 'POST', path: '/simulator/rotate', headers, agent: false },
          (response) => {
            response.resume();
            resolve(response.statusCode);
          },
        )
          .on('error', reject)
          .end();
      });
    assert.deepEqual([await ask(`evil.example:${port}`), await ask(`localhost:${port}`)], [403, 200]);
  });
});
