import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { get, openHttp } from '../support/http-requests.ts';
import { limit } from '../support/limits.ts';
import { answer, raw, rawServer } from '../support/raw-server.ts';

const MODULE = new URL('../../src/system/http.ts', import.meta.url).href;
const run = promisify(execFile);

describe('answers', () => {
  test('are handed back as they came, headers in lower case and the first of repeated ones', async (t) => {
    const server = await rawServer(t, () =>
      raw('HTTP/1.1 207 Odd\r\nContent-LENGTH: 5\r\nX-Twice: one\r\nX-Twice: two\r\n\r\n\x01caf\u00e9'),
    );
    const { status, headers, body } = await openHttp(t).request(get(server.origin));
    assert.equal(status, 207);
    assert.deepEqual(headers, { 'content-length': '5', 'x-twice': 'one' });
    assert.deepEqual(body, Buffer.from('\x01caf\u00e9').subarray(0, 5));
  });

  test('come to the method, path and headers that were asked for', async (t) => {
    const server = await rawServer(t, () => answer(200));
    await openHttp(t).request(get(server.origin, { method: 'PUT', path: '/a/b?c', headers: { 'x-one': '1' } }));
    const [head = ''] = server.requests;
    assert.match(head, /^PUT \/a\/b\?c HTTP\/1\.1\r\n/);
    assert.match(head, new RegExp(`^host: ${server.origin.slice('http://'.length)}$`, 'm'));
    assert.match(head, /^user-agent: agent\/1$/m);
    assert.match(head, /^x-one: 1$/m);
    assert.match(head, /^content-length: 0$/m);
    // EC2 refuses a token to whom a proxy sends (X-Forwarded-For).
    const names = head.match(/^[\w-]+(?=: )/gm)?.map((name) => name.toLowerCase());
    assert.deepEqual(names?.sort(), ['connection', 'content-length', 'host', 'user-agent', 'x-one']);
  });

  test('that redirect are answers like others', async (t) => {
    const elsewhere = await rawServer(t, () => answer(200, 'followed'));
    const server = await rawServer(t, () => answer(302, '', { Location: `${elsewhere.origin}/x` }));
    const { status } = await openHttp(t).request(get(server.origin));
    assert.equal(status, 302);
    assert.deepEqual(elsewhere.requests, []);
  });

  test('may be preceded by informational ones', async (t) => {
    const server = await rawServer(t, () =>
      raw('HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
    );
    const { status, body } = await openHttp(t).request(get(server.origin));
    assert.deepEqual([status, body.toString()], [200, 'ok']);
  });

  test('may be just as long as allowed', async (t) => {
    const server = await rawServer(t, () => answer(200, 'x'.repeat(1000)));
    const { body } = await openHttp(t).request(get(server.origin));
    assert.equal(body.length, 1000);
  });

  test('may end with the connection', async (t) => {
    const server = await rawServer(t, () => (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'));
    const { body } = await openHttp(t).request(get(server.origin));
    assert.equal(body.toString(), 'all of it');
  });

  test('come over IPv6', async (t) => {
    const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
    if (!hasIpv6) {
      t.skip('needs the address ::1 on loopback');
      return;
    }
    const server = await rawServer(t, () => answer(200, 'six'), '::1');
    const { body } = await openHttp(t).request(get(server.origin));
    assert.equal(body.toString(), 'six');
  });
});

describe('the connection', () => {
  test('is kept for the next request', async (t) => {
    const server = await rawServer(t, () => answer(200));
    const http = openHttp(t);
    await http.request(get(server.origin));
    await http.request(get(server.origin));
    assert.deepEqual([server.requests.length, server.connections.length], [2, 1]);
  });

  test('is one, whoever asks at the same time', async (t) => {
    const server = await rawServer(t, (head) => answer(200, head.split(' ')[1]));
    const http = openHttp(t);
    const paths = ['/a', '/b', '/c'];
    const answers = await Promise.all(paths.map((path) => http.request(get(server.origin, { path }))));
    assert.deepEqual(
      answers.map(({ body }) => body.toString()),
      paths,
    );
    assert.equal(server.connections.length, 1);
  });

  test('is made again when the peer has closed it in between', async (t) => {
    const server = await rawServer(t, () => answer(200));
    const http = openHttp(t);
    await http.request(get(server.origin));
    const [connection] = server.connections;
    assert(connection);
    const left = once(connection, 'close');
    connection.destroy();
    await left;
    const { status } = await http.request(get(server.origin));
    assert.deepEqual([status, server.connections.length], [200, 2]);
  });
});

test('close lets the process end', { timeout: limit(20_000) }, async (t) => {
  const server = await rawServer(t, () => answer(200, 'fine'));
  const { stdout } = await inChild(server.origin, {});
  assert.equal(stdout, 'fine\n');
});

test('no proxy of the environment is used', { timeout: limit(20_000) }, async (t) => {
  const proxy = await rawServer(t, () => answer(200, 'proxied'));
  const server = await rawServer(t, () => answer(200, 'direct'));
  const env = Object.fromEntries(['http_proxy', 'HTTP_PROXY', 'ALL_PROXY'].map((name) => [name, proxy.origin]));
  const { stdout } = await inChild(server.origin, { ...env, NO_PROXY: '', NODE_USE_ENV_PROXY: '1' });
  assert.equal(stdout, 'direct\n');
  assert.deepEqual(proxy.requests, []);
});

/** One request in a process of its own, which must end by itself. */
async function inChild(origin: string, env: Record<string, string>): Promise<{ stdout: string }> {
  const script = `
    import { createHttp } from ${JSON.stringify(MODULE)};
    const http = createHttp('agent/1');
    const signal = new AbortController().signal;
    const origin = ${JSON.stringify(origin)};
    const { body } = await http.request({ origin, method: 'GET', path: '/', headers: {}, maxBytes: 99, signal });
    console.log(body.toString());
    await http.close();`;
  return run(process.execPath, ['--input-type=module', '--eval', script], { env });
}
