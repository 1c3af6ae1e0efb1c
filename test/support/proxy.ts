import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface Proxy {
  /** `127.0.0.1:40123` */
  readonly host: string;
  /** `CONNECT sts.internal:443`, with the credentials that came with it. */
  readonly requests: readonly { readonly target: string; readonly authorization: string | undefined }[];
}

/** A plain HTTP proxy that knows CONNECT alone, and leads everybody to 127.0.0.1. With another status it refuses. */
export async function startProxy(context: TestContext, status = 200): Promise<Proxy> {
  const requests: { target: string; authorization: string | undefined }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on('connect', ({ url = '', headers }: IncomingMessage, socket: Socket) => {
    requests.push({ target: url, authorization: headers['proxy-authorization'] });
    sockets.add(socket.on('error', () => undefined));
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const onward = connect(Number(url.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    sockets.add(onward.on('error', () => socket.destroy()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}
