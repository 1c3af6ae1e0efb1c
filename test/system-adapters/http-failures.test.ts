import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import type { HttpFailure } from '../../src/core/contracts.ts';
import { closed, failsWith, freeOrigin, get, openHttp } from '../support/http-requests.ts';
import { answer, cut, endless, hang, hangUp, raw, rawServer, reset, type Reply } from '../support/raw-server.ts';

describe('failures', () => {
  const table: [name: string, reply: Reply, failure: HttpFailure][] = [
    ['reset before an answer', reset, 'reset'],
    ['closed without an answer', hangUp, 'reset'],
    ['closed within the headers', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-'), 'reset'],
    ['closed within the body', cut, 'protocol'],
    [
      'closed within the body, as announced',
      (socket) => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nx'),
      'protocol',
    ],
    [
      'closed within the chunks',
      (socket) => socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nx'),
      'protocol',
    ],
    ['no HTTP', raw('SSH-2.0-OpenSSH_9.2\r\n'), 'protocol'],
    [
      'an upgrade that nobody asked for',
      raw('HTTP/1.1 101 Other\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'),
      'reset',
    ],
    ['headers of 20 KiB', raw(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`), 'too_large'],
    ['a length beyond what is allowed', raw('HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n'), 'too_large'],
    ['a body beyond what is allowed', endless, 'too_large'],
  ];
  for (const [name, reply, failure] of table) {
    test(`${name}: ${failure}, and the next request goes well`, async (t) => {
      const replies = [reply];
      const server = await rawServer(t, () => replies.shift() ?? answer(200));
      const http = openHttp(t);
      await assert.rejects(http.request(get(server.origin)), failsWith(failure));
      await closed(server.connections[0]);
      assert.equal((await http.request(get(server.origin))).status, 200);
    });
  }

  test('nobody listens: connect', async (t) => {
    const http = openHttp(t);
    await assert.rejects(http.request(get(await freeOrigin())), failsWith('connect'));
  });

  test('a path that cannot be sent: protocol', async (t) => {
    const server = await rawServer(t, () => answer(200));
    await assert.rejects(openHttp(t).request(get(server.origin, { path: '/a b' })), failsWith('protocol'));
    assert.deepEqual(server.requests, []);
  });

  // Parser errors hold the bytes that they met, and those can be credentials.
  test('never quote the peer', async (t) => {
    const replies = [
      raw('SECRET IN FRONT\r\n'),
      raw('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nSECRET\r\n'),
    ];
    const server = await rawServer(t, () => replies.shift() ?? hang);
    const http = openHttp(t);
    while (replies.length > 0) {
      await assert.rejects(http.request(get(server.origin)), (error) => {
        assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /SECRET/);
        return failsWith('protocol')(error);
      });
    }
  });
});
