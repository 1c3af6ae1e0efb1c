import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import type { HttpsOptions, HttpResponse } from '../../src/core/contracts.ts';
import { createHttps } from '../../src/system/https.ts';
import { writeAuthority } from '../support/certificates.ts';
import { failsWith } from '../support/http-requests.ts';
import { startProxy } from '../support/proxy.ts';
import { rawServer, hang, raw } from '../support/raw-server.ts';
import { tempDir } from '../support/temp-dir.ts';

interface Server {
  readonly port: number;
  /** PEM */
  readonly ca: string;
}

/** Says over TLS what it was sent. */
async function startServer(t: TestContext, names?: readonly string[]): Promise<Server> {
  const { file, key, cert } = writeAuthority(tempDir(t), names && [...names]);
  const server = createServer({ key, cert }, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () =>
      response.end(`${request.method ?? ''} ${request.url ?? ''} ${request.headers.host ?? ''} ${body}`),
    );
  });
  server.listen(0, '::');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, ca: readFileSync(file, 'utf8') };
}

async function post(
  t: TestContext,
  origin: string,
  options: HttpsOptions,
  signal = AbortSignal.timeout(30_000),
): Promise<HttpResponse> {
  const https = createHttps('test', options);
  t.after(() => https.close());
  return https.request({ origin, method: 'POST', path: '/', headers: {}, body: 'a=b', maxBytes: 1000, signal });
}

describe('HTTPS', () => {
  for (const host of ['127.0.0.1', '[::1]']) {
    test(`reaches ${host}, whose certificate is of the authority that was named`, async (t) => {
      const { port, ca } = await startServer(t);
      const { status, body } = await post(t, `https://${host}:${port}`, { ca });
      assert.deepEqual([status, body.toString()], [200, `POST / ${host}:${port} a=b`]);
    });
  }

  test('trusts no authority that was not named', async (t) => {
    const { port, ca } = await startServer(t);
    const { file } = writeAuthority(tempDir(t));
    await assert.rejects(post(t, `https://127.0.0.1:${port}`, {}), failsWith('untrusted'));
    await assert.rejects(
      post(t, `https://127.0.0.1:${port}`, { ca: readFileSync(file, 'utf8') }),
      failsWith('untrusted'),
    );
    assert.equal((await post(t, `https://127.0.0.1:${port}`, { ca })).status, 200);
  });

  test('does so whatever the environment says', async (t) => {
    const { port } = await startServer(t);
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    t.after(() => delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']);
    await assert.rejects(post(t, `https://127.0.0.1:${port}`, {}), failsWith('untrusted'));
  });

  test('trusts nobody under another name', async (t) => {
    const { port, ca } = await startServer(t, ['DNS:sts.internal']);
    await assert.rejects(post(t, `https://127.0.0.1:${port}`, { ca }), failsWith('untrusted'));
  });

  test('tells a peer without TLS, and one that is not there', async (t) => {
    const plain = await rawServer(t, () => raw('HTTP/1.1 400 No\r\n\r\n'));
    const { ca } = await startServer(t);
    const origin = plain.origin.replace('http:', 'https:');
    await assert.rejects(post(t, 'https://127.0.0.1:1', { ca }), failsWith('connect'));
    const impatient = AbortSignal.timeout(300);
    await assert.rejects(post(t, origin, { ca }, impatient), failsWith('connect'));
  });
});

describe('HTTPS through a proxy', () => {
  test('asks for a way to the name, which the proxy alone looks up, and tells it who asks', async (t) => {
    const { port, ca } = await startServer(t, ['DNS:sts.internal']);
    const proxy = await startProxy(t);
    const options = { ca, proxy: { origin: `http://${proxy.host}`, authorization: 'Basic eDp5' } };
    const { body } = await post(t, `https://sts.internal:${port}`, options);
    assert.equal(body.toString(), `POST / sts.internal:${port} a=b`);
    assert.deepEqual(proxy.requests, [{ target: `sts.internal:${port}`, authorization: 'Basic eDp5' }]);
  });

  test('looks at the certificate of the peer all the same', async (t) => {
    const { port } = await startServer(t);
    const proxy = await startProxy(t);
    await assert.rejects(
      post(t, `https://127.0.0.1:${port}`, { proxy: { origin: `http://${proxy.host}` } }),
      failsWith('untrusted'),
    );
  });

  test('tells a proxy that refuses, hangs, is none, or is not there', async (t) => {
    const refusing = await startProxy(t, 407);
    await assert.rejects(
      post(t, 'https://sts.internal', { proxy: { origin: `http://${refusing.host}` } }),
      failsWith('proxy'),
    );
    await assert.rejects(
      post(t, 'https://sts.internal', { proxy: { origin: 'http://127.0.0.1:1' } }),
      failsWith('proxy'),
    );
    const none = await rawServer(t, () => raw('SSH-2.0-x\r\n\r\n'));
    await assert.rejects(post(t, 'https://sts.internal', { proxy: { origin: none.origin } }), failsWith('proxy'));
    const hanging = await rawServer(t, () => hang);
    const impatient = AbortSignal.timeout(300);
    await assert.rejects(
      post(t, 'https://sts.internal', { proxy: { origin: hanging.origin } }, impatient),
      failsWith('connect'),
    );
  });
});
