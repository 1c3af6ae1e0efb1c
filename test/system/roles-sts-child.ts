// STS over TLS on an address that is not loopback, for whoever has the role of the instance; with a control on loopback:
// POST asks the metadata service whose keys are good as well, PUT says how all requests fail, GET / names the last session's
// key, and GET /caller the key that the last request was signed with.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { startSts, type Caller, type StsFault } from '../support/sts.ts';

const [host = '', arn = ''] = process.argv.slice(2);
const IMDS = 'http://169.254.169.254/latest';
const callers: Caller[] = [];
const [key, cert] = ['server.key', 'server.pem'].map((name) => readFileSync(`/opt/sts/${name}`, 'utf8'));
const tls = { key: key ?? '', cert: cert ?? '' };
const roles = [{ arn, externalId: 'x-1' }];
const sts = await startSts({ host, port: 8443, tls, roles, callers: () => callers });

async function learn(): Promise<void> {
  const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' };
  const token = await text(await fetch(`${IMDS}/api/token`, { method: 'PUT', headers }));
  const ask = async (path: string): Promise<string> =>
    text(await fetch(`${IMDS}/meta-data/iam/${path}`, { headers: { 'x-aws-ec2-metadata-token': token } }));
  const role = await ask('security-credentials/');
  const found = JSON.parse(await ask(`security-credentials/${role}`)) as Readonly<Record<string, string>>;
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '', Token: sessionToken = '' } = found;
  const caller = `arn:aws:sts::123456789012:assumed-role/${role}/i-0abc`;
  callers.push({ accessKeyId, secretAccessKey, sessionToken, arn: caller });
}

async function text(response: Response): Promise<string> {
  if (!response.ok) throw new Error(`metadata service: ${response.status}`);
  return response.text();
}

async function control(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  if (request.method === 'POST') await learn();
  // The test's own words; null ends it.
  if (request.method === 'PUT')
    sts.failAlways((JSON.parse(String(Buffer.concat(chunks))) as StsFault | null) ?? undefined);
  if (request.url === '/caller')
    return /Credential=(\w+)/.exec(sts.calls.at(-1)?.headers['authorization'] ?? '')?.[1] ?? '';
  return sts.sessions.at(-1)?.accessKeyId ?? '';
}

const server = createServer((request, response) => {
  void control(request).then(
    (body) => response.end(body),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});
server.listen(9101, '127.0.0.1');
await once(server, 'listening');
