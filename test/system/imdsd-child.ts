// systemd-imdsd, for a namespace of its own: its socket, and behind it a metadata service that answers on loopback alone.
// Each call is one of Varlink: JSON, ended by a zero.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createSimulator } from '../../src/simulator/simulator.ts';

const INTERFACE = 'io.systemd.InstanceMetadata';

const { url } = await createSimulator();

async function get(key: string): Promise<object> {
  const put = { method: 'PUT', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' } };
  const token = await (await fetch(`${url}/latest/api/token`, put)).text();
  const response = await fetch(`${url}/latest${key}`, { headers: { 'x-aws-ec2-metadata-token': token } });
  if (!response.ok) return { error: `${INTERFACE}.KeyNotFound`, parameters: {} };
  const data = Buffer.from(await response.arrayBuffer()).toString('base64');
  return { parameters: { data, interface: 2 } };
}

const server = createServer((socket) => {
  socket.setEncoding('utf8').on('data', (text: string) => {
    const { parameters } = JSON.parse(text.slice(0, -1)) as { readonly parameters: { readonly key: string } };
    void get(parameters.key).then((reply) => socket.write(`${JSON.stringify(reply)}\0`));
  });
  socket.on('error', () => undefined);
});
await once(server.listen(`/run/systemd/${INTERFACE}`), 'listening');
process.stdout.write('ready\n');
