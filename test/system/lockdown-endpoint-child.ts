// A metadata service at the two addresses that it has on EC2, for a network namespace that has them on its loopback;
// and something that answers at the addresses beside it.
import { createServer } from 'node:http';
import { once } from 'node:events';
import { createSimulator } from '../../src/simulator/simulator.ts';

for (const host of ['169.254.169.254', 'fd00:ec2::254']) await createSimulator({ host, port: 80 });
for (const [host, port] of [
  ['169.254.169.253', 53],
  ['169.254.169.123', 123],
  ['169.254.170.2', 80],
] as const) {
  const server = createServer((_request, response) => response.end('here'));
  await once(server.listen(port, host), 'listening');
}
process.stdout.write('ready\n');
