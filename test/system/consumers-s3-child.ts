// An S3 on loopback with one bucket of one object, for whoever has the role: it knows the credentials that the metadata
// service gives out at the moment, and refuses all others. Says on standard output what it answered, and to whom. With
// two files, of a key and a certificate, it speaks TLS.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { refusal, type Keys } from './consumers-sigv4.ts';

const BUCKET = '/backups';
const OBJECT = 'hello.txt';
const CONTENT = 'read with the keys of the role\n';
const ETAG = `"${createHash('md5').update(CONTENT).digest('hex')}"`;
const MODIFIED = new Date();

const IMDS = 'http://169.254.169.254/latest';
const past = new Set<string>();

async function currentKeys(): Promise<Keys> {
  const lifetime = { 'x-aws-ec2-metadata-token-ttl-seconds': '60' };
  const token = await text(await fetch(`${IMDS}/api/token`, { method: 'PUT', headers: lifetime }));
  const ask = async (path: string): Promise<string> =>
    text(await fetch(`${IMDS}/meta-data/iam/${path}`, { headers: { 'x-aws-ec2-metadata-token': token } }));
  const role = await ask('security-credentials/');
  const document: unknown = JSON.parse(await ask(`security-credentials/${role}`));
  const { AccessKeyId, SecretAccessKey, Token } = document as Readonly<Record<string, string>>;
  if (AccessKeyId === undefined || SecretAccessKey === undefined || Token === undefined) throw new Error('no keys');
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, token: Token };
}

async function text(response: Response): Promise<string> {
  if (!response.ok) throw new Error(`metadata service: ${response.status}`);
  return response.text();
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

async function answer(request: IncomingMessage): Promise<Answer> {
  const { method = '', url: target = '' } = request;
  const current = await currentKeys();
  // A header that comes several times is joined with ", ": as it is signed.
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const refused = refusal({ method, target, headers }, { current, past, now: Date.now() });
  past.add(current.accessKeyId);
  if (refused !== undefined) return failure(403, refused);
  if (method !== 'GET' && method !== 'HEAD') return failure(405, 'MethodNotAllowed');
  const { pathname, searchParams } = new URL(target, 'http://localhost');
  if (pathname === `${BUCKET}/${OBJECT}`) return file();
  if (pathname.replace(/\/$/, '') === BUCKET) return xml(200, searchParams.has('location') ? LOCATION : LIST);
  return failure(404, pathname.startsWith(`${BUCKET}/`) ? 'NoSuchKey' : 'NoSuchBucket');
}

function file(): Answer {
  const headers = { 'content-type': 'text/plain', etag: ETAG, 'last-modified': MODIFIED.toUTCString() };
  return { status: 200, headers, body: CONTENT };
}

const LOCATION = '<LocationConstraint/>';
const LIST = `<ListBucketResult><Name>backups</Name><MaxKeys>1000</MaxKeys><KeyCount>1</KeyCount>
<IsTruncated>false</IsTruncated><Contents><Key>${OBJECT}</Key><LastModified>${MODIFIED.toISOString()}</LastModified>
<ETag>${ETAG}</ETag><Size>${CONTENT.length}</Size><StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>`;

function failure(status: number, code: string): Answer {
  return xml(status, `<Error><Code>${code}</Code><Message>${code}</Message></Error>`);
}

function xml(status: number, body: string): Answer {
  const declared = `<?xml version="1.0" encoding="UTF-8"?>\n${body}`;
  return { status, headers: { 'content-type': 'application/xml' }, body: declared };
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, headers, body } = await answer(request).catch((error: unknown) => failure(500, String(error)));
  const program = request.headers['user-agent']?.split('/')[0] ?? 'somebody';
  const code = /<Code>(\w+)/.exec(body)?.[1] ?? '';
  process.stdout.write(`${program} ${request.method ?? ''} ${request.url ?? ''}: ${status} ${code}\n`);
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  response.end(request.method === 'HEAD' ? undefined : body);
}

const listener: RequestListener = (request, response) => {
  request.resume();
  void serve(request, response);
};
const [, , port, key, cert] = process.argv;
const server =
  key !== undefined && cert !== undefined
    ? createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) }, listener)
    : createServer(listener);
past.add((await currentKeys()).accessKeyId);
server.listen(Number(port), '127.0.0.1', () => {
  process.stdout.write('ready\n');
});
