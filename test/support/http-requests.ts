import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import {
  HttpError,
  type Http,
  type HttpFailure,
  type HttpOptions,
  type HttpRequest,
} from '../../src/core/contracts.ts';
import { createHttp, dialVetted } from '../../src/system/http.ts';
import { createHttps } from '../../src/system/https.ts';

export function openHttp(context: TestContext): Http {
  const http = createHttp('agent/1');
  context.after(() => http.close());
  return http;
}

/** As the services make one. */
export function makeHttp({ tls, vet }: HttpOptions): Promise<Http> {
  return Promise.resolve(tls ? createHttps('test', tls) : createHttp('test', vet && dialVetted(vet)));
}

export function get(origin: string, more: Partial<HttpRequest> = {}): HttpRequest {
  return {
    origin,
    method: 'GET',
    path: '/',
    headers: {},
    maxBytes: 1000,
    signal: new AbortController().signal,
    ...more,
  };
}

export function failsWith(failure: HttpFailure): (error: unknown) => boolean {
  return (error) => {
    assert(error instanceof HttpError);
    assert.equal(error.failure, failure, error.message);
    return true;
  };
}

export async function closed(socket: Socket | undefined): Promise<void> {
  assert(socket);
  if (socket.closed) return;
  await new Promise((resolve) => socket.once('close', resolve));
}

export async function freeOrigin(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  assert(typeof address === 'object' && address !== null);
  return `http://127.0.0.1:${address.port}`;
}

/** Its queue of connections is full and never emptied, so that the kernel drops further ones without a word. */
export async function deafOrigin(context: TestContext): Promise<string> {
  const script = `
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      console.log(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ['--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  context.after(() => child.kill('SIGKILL'));
  const lines: unknown[] = await once(child.stdout, 'data');
  const port = Number(String(lines[0]));
  for (let queued = 0; queued < 2; queued += 1) {
    const filler = connect(port, '127.0.0.1');
    context.after(() => filler.destroy());
    filler.on('error', () => undefined);
    await once(filler, 'connect');
  }
  return `http://127.0.0.1:${port}`;
}
