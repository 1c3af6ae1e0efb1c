import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { closed, deafOrigin, failsWith, get, openHttp } from '../support/http-requests.ts';
import { limit } from '../support/limits.ts';
import { answer, drip, hang, hangMidBody, rawServer, type Reply } from '../support/raw-server.ts';

describe('the signal', () => {
  for (const [name, reply] of Object.entries({ hang, hangMidBody, drip })) {
    test(`ends an exchange (${name}), and the next request goes well`, async (t) => {
      const abort = new AbortController();
      const replies: Reply[] = [
        (socket) => {
          reply(socket);
          setTimeout(() => {
            abort.abort();
          }, 20);
        },
      ];
      const server = await rawServer(t, () => replies.shift() ?? answer(200));
      const http = openHttp(t);
      await assert.rejects(
        http.request(get(server.origin, { signal: abort.signal, maxBytes: 100_000 })),
        failsWith('aborted'),
      );
      await closed(server.connections[0]);
      assert.equal((await http.request(get(server.origin))).status, 200);
    });
  }

  test('that has come before keeps everything from being sent', async (t) => {
    const server = await rawServer(t, () => answer(200));
    const http = openHttp(t);
    await assert.rejects(http.request(get(server.origin, { signal: AbortSignal.abort() })), failsWith('aborted'));
    await http.request(get(server.origin, { path: '/second' }));
    assert.match(server.requests.join(), /^GET \/second /);
  });

  test('of one request leaves those that wait behind it alone', async (t) => {
    const abort = new AbortController();
    const server = await rawServer(t, (head) =>
      head.startsWith('GET /hangs ')
        ? () => {
            abort.abort();
          }
        : answer(200, 'waited'),
    );
    const http = openHttp(t);
    const first = http.request(get(server.origin, { path: '/hangs', signal: abort.signal }));
    const second = http.request(get(server.origin));
    await assert.rejects(first, failsWith('aborted'));
    assert.equal((await second).body.toString(), 'waited');
  });

  test('of a request that waits leaves the one before it alone', async (t) => {
    const abort = new AbortController();
    const server = await rawServer(t, () => (socket) => {
      abort.abort();
      answer(200, 'served')(socket);
    });
    const http = openHttp(t);
    const first = http.request(get(server.origin));
    const second = http.request(get(server.origin, { path: '/waits', signal: abort.signal }));
    await assert.rejects(second, failsWith('aborted'));
    assert.equal((await first).body.toString(), 'served');
    assert.equal((await http.request(get(server.origin))).status, 200);
    assert.doesNotMatch(server.requests.join(), /waits/);
  });

  test('ends connecting too, and leaves no socket behind', { timeout: limit(20_000) }, async (t) => {
    const origin = await deafOrigin(t);
    const http = openHttp(t);
    const before = openSockets();
    await assert.rejects(http.request(get(origin, { signal: AbortSignal.timeout(50) })), failsWith('connect'));
    while (openSockets() > before) await new Promise(setImmediate);
    await assert.rejects(http.request(get(origin, { signal: AbortSignal.timeout(50) })), failsWith('connect'));
  });

  test('of one request leaves others that wait for the connection alone', async (t) => {
    const server = await rawServer(t, () => answer(200, 'connected'));
    const http = openHttp(t);
    const abort = new AbortController();
    const first = http.request(get(server.origin, { signal: abort.signal }));
    const second = http.request(get(server.origin));
    abort.abort();
    await assert.rejects(first, failsWith('connect'));
    assert.equal((await second).body.toString(), 'connected');
  });
});

describe('close', () => {
  test('ends what is under way', async (t) => {
    const http = openHttp(t);
    const server = await rawServer(t, () => () => void http.close());
    await assert.rejects(http.request(get(server.origin)), failsWith('aborted'));
    await closed(server.connections[0]);
  });

  test('ends connecting', async (t) => {
    const http = openHttp(t);
    const request = http.request(get(await deafOrigin(t)));
    await Promise.all([assert.rejects(request, failsWith('aborted')), http.close()]);
  });
});

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCP')).length;
}
