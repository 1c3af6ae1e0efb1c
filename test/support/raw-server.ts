import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** What the server does with one request; it may also say nothing, or break off. */
export type Reply = (socket: Socket) => void;

export interface RawServer {
  /** `http://127.0.0.1:40123` */
  readonly origin: string;
  /** The head of each request, as it came. */
  readonly requests: readonly string[];
  /** Connections that came, open and closed ones. */
  readonly connections: readonly Socket[];
}

/** Speaks TCP and nothing more, so that every way of answering badly can be had; closed when the test ends. */
export async function rawServer(
  context: TestContext,
  reply: (head: string) => Reply,
  host = '127.0.0.1',
): Promise<RawServer> {
  const requests: string[] = [];
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    let received = '';
    socket.on('error', () => undefined);
    socket.setEncoding('latin1').on('data', (text: string) => {
      const heads = (received + text).split('\r\n\r\n');
      received = heads.pop() ?? '';
      for (const head of heads) {
        requests.push(head);
        reply(head)(socket);
      }
    });
  });
  server.listen(0, host);
  await once(server, 'listening');
  context.after(() => {
    server.close();
    for (const socket of connections) socket.destroy();
  });
  // A TCP server's address is never a path or null while it listens.
  const { port } = server.address() as AddressInfo;
  return { origin: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, requests, connections };
}

export function answer(status: number, body = '', headers: Readonly<Record<string, string>> = {}): Reply {
  const all = { 'Content-Length': String(Buffer.byteLength(body)), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return raw(`HTTP/1.1 ${status} Because\r\n${lines.join('')}\r\n${body}`);
}

export function raw(text: string): Reply {
  return (socket) => {
    socket.write(text);
  };
}

export const hang: Reply = () => undefined;

export const hangMidBody: Reply = raw('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthe first part');

/** A byte every 5 ms, without end: no wait between two of them is ever long. */
export const drip: Reply = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n');
  const timer = setInterval(() => socket.write('x'), 5);
  socket.on('close', () => {
    clearInterval(timer);
  });
};

export const reset: Reply = (socket) => {
  socket.resetAndDestroy();
};

export const hangUp: Reply = (socket) => {
  socket.end();
};

/** Ends before the body is whole. */
export const cut: Reply = (socket) => {
  socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nthe first part');
};

/** Chunks without end, as fast as they are read. */
export const endless: Reply = (socket) => {
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
  const fill = () => {
    while (socket.writable && socket.write(chunk));
  };
  socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  socket.on('drain', fill);
  fill();
};
