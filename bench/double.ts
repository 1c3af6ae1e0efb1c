// A metadata service of the benchmark's own, in a process of its own: each answer is one packet, head and body, so that
// nobody waits for a second one. With `keep` it keeps its connections, as the real service does not. It prints its address.
import { createServer, type AddressInfo } from 'node:net';

const [mode] = process.argv.slice(2);
const connection = mode === 'keep' ? 'keep-alive' : 'close';
let generation = 1;

function answer(request: string): string {
  if (request.startsWith('POST /rotate')) return String((generation += 1));
  if (request.startsWith('PUT')) return 'a-token'.padEnd(56, '=');
  if (request.includes('/security-credentials/ HTTP')) return 'bench-role';
  if (request.includes('/security-credentials/')) return JSON.stringify(credentials(), undefined, 2);
  return JSON.stringify({ instanceId: 'i-0123456789abcdef0', accountId: '123456789012', region: 'eu-west-1' });
}

function credentials(): Record<string, string> {
  return {
    Code: 'Success',
    LastUpdated: new Date().toISOString(),
    Type: 'AWS-HMAC',
    AccessKeyId: `ASIAEXAMPLE${String(generation).padStart(9, '0')}`,
    SecretAccessKey: String(generation).padEnd(40, 'x'),
    Token: String(generation).padEnd(800, 'x'),
    Expiration: new Date(Date.now() + 6 * 3_600_000).toISOString(),
  };
}

const server = createServer((socket) => {
  let text = '';
  socket.on('error', () => undefined);
  // None of its clients sends a body.
  socket.on('data', (chunk) => {
    text += String(chunk);
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const body = answer(text);
    text = text.slice(end + 4);
    const head = [
      ...['HTTP/1.1 200 OK', 'Server: EC2ws', `Date: ${new Date().toUTCString()}`, 'Content-Type: text/plain'],
      ...['X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600', `Content-Length: ${body.length}`, `Connection: ${connection}`],
    ];
    const whole = `${head.join('\r\n')}\r\n\r\n${body}`;
    if (connection === 'close') socket.end(whole);
    else socket.write(whole);
  });
});
server.listen(0, '127.0.0.1', () => {
  // A TCP server's address is never a path or null while it listens.
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
