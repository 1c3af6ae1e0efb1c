import type { ServerResponse } from 'node:http';
import type { Answer, Delivery } from './answer.ts';

/** Milliseconds between the bytes of a dripping body: 1.3 KB take minutes, and no single wait looks long. */
const DRIP_INTERVAL = 250;

/** Sends an answer in its way. The connection ends with it, as with the real service. */
export function deliver(response: ServerResponse, answer: Answer): void {
  if (answer.delivery === 'hang') return;
  if (answer.delivery === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  response.writeHead(answer.status, {
    server: 'EC2ws',
    'accept-ranges': 'none',
    ...answer.headers,
    'content-length': answer.body.length,
    connection: 'close',
  });
  if (answer.delivery === undefined) response.end(answer.body);
  else deliverPart(response, answer.body, answer.delivery);
}

function deliverPart(response: ServerResponse, body: Buffer, delivery: Exclude<Delivery, 'hang' | 'reset'>): void {
  if (delivery === 'drip') {
    drip(response, body);
    return;
  }
  const half = body.subarray(0, Math.ceil(body.length / 2));
  response.write(half, () => {
    if (delivery === 'cut') response.socket?.destroy();
  });
}

function drip(response: ServerResponse, body: Buffer): void {
  let sent = 0;
  response.flushHeaders();
  const timer = setInterval(() => {
    response.write(body.subarray(sent, ++sent));
    if (sent >= body.length) response.end();
  }, DRIP_INTERVAL);
  response.once('close', () => {
    clearInterval(timer);
  });
}
