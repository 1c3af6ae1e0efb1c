import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { openSite, type Site } from '../support/agent.ts';
import { hasTool } from '../support/tools.ts';
import { refusal, type Keys } from './consumers-sigv4.ts';

/** Less than the minute before the end in which htslib reads its file again, for each request. */
const LIFETIME = 50_000;
const REGIONS = ['chr1:400000-400400', 'chr2:2000000-2000400', 'chr3:400-800'];

// htslib is the one reader known that takes rotated keys from a file by itself, without a notification.
test('samtools goes on with the rotated keys of its profile, without a notification', async (t) => {
  if (!hasTool('samtools')) {
    t.skip('needs samtools: no reader is tried that reads its file again by itself');
    return;
  }
  const site = await openSite(t, { lifetime: LIFETIME });
  const sink = { path: site.path('credentials'), format: 'aws-credentials', expiration_key: 'expiry_time' };
  const config = site.configure({ sinks: [sink] });
  assert.equal((await site.run(['once', ...config])).code, 0);
  const first = site.metadata.current().accessKeyId;
  const store = await openStore(t, site, async () => {
    site.metadata.rotate();
    assert.equal((await site.run(['once', ...config])).code, 0);
  });
  const samtools = spawn('samtools', ['view', 's3+http://bucket/reads.bam', ...REGIONS], {
    // It leaves the index where it stands.
    cwd: site.directory,
    env: {
      PATH: process.env['PATH'],
      AWS_SHARED_CREDENTIALS_FILE: sink.path,
      AWS_DEFAULT_REGION: 'us-east-1',
      HTS_S3_HOST: store.host,
      HTS_S3_ADDRESS_STYLE: 'path',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, complaints] = await Promise.all([text(samtools.stdout), text(samtools.stderr)]);
  assert.equal(out.trim().split('\n').length, 2 * REGIONS.length, complaints);
  const second = site.metadata.current().accessKeyId;
  assert.notEqual(second, first);
  assert.deepEqual([...new Set(store.keys)], [first, second], 'one process, both keys in turn');
  assert.deepEqual(store.refused, []);
});

interface Store {
  readonly host: string;
  /** Of each request, in order. */
  readonly keys: readonly string[];
  readonly refused: readonly string[];
}

/** An S3 on loopback, which knows the current keys alone. `rotate` is called once, when the first record was asked for. */
async function openStore(t: TestContext, site: Site, rotate: () => Promise<void>): Promise<Store> {
  const files = bamIn(site);
  const keys: string[] = [];
  const refused: string[] = [];
  const past = new Set<string>();
  const server = createServer((request, response) => {
    request.resume();
    void answer(request, response);
  });
  let isRotated = false;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url: target = '' } = request;
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const current = keysOf(site);
    keys.push(keyIn(headers['authorization']));
    const reason = refusal({ method, target, headers }, { current, past, now: Date.now() });
    past.add(current.accessKeyId);
    if (reason !== undefined) refused.push(reason);
    if (headers['range'] !== undefined && !isRotated) {
      isRotated = true;
      await rotate();
    }
    const bytes = reason === undefined ? files[target] : undefined;
    if (bytes) send(response, bytes, offsetIn(headers['range']));
    else
      response.writeHead(reason === undefined ? 404 : 403).end(`<Error><Code>${reason ?? 'NoSuchKey'}</Code></Error>`);
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, keys, refused };
}

function keyIn(authorization = ''): string {
  return /Credential=([^/]+)/.exec(authorization)?.[1] ?? 'none';
}

/** Negative: all of the file is wanted. */
function offsetIn(range = ''): number {
  return Number(/^bytes=(\d+)-/.exec(range)?.[1] ?? -1);
}

function keysOf(site: Site): Keys {
  const { accessKeyId, secretAccessKey, token } = site.metadata.current();
  return { accessKeyId, secretAccessKey, token };
}

/** From an offset, or all of it. */
function send(response: ServerResponse, bytes: Buffer, from: number): void {
  const part = from < 0 ? bytes : bytes.subarray(from);
  const range = { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(from < 0 ? 200 : 206, { 'content-length': part.length, ...(from >= 0 && range) });
  response.end(part);
}

/** Reads of three chromosomes, so far apart in the file that each takes a request of its own. */
function bamIn(site: Site): Readonly<Record<string, Buffer>> {
  const chromosomes = ['chr1', 'chr2', 'chr3'];
  let state = 1;
  const next = (): number => (state = (state * 48_271) % 2_147_483_647);
  const bases = (): string => Array.from({ length: 50 }, () => 'ACGT'[next() % 4]).join('');
  const quality = (): string => Array.from({ length: 50 }, () => String.fromCharCode(35 + (next() % 38))).join('');
  const lines = chromosomes.flatMap((name) =>
    Array.from({ length: 8_000 }, (_, index) =>
      [`r${index}`, 0, name, (index + 1) * 400, 60, '50M', '*', 0, 0, bases(), quality()].join('\t'),
    ),
  );
  const head = chromosomes.map((name) => `@SQ\tSN:${name}\tLN:9000000`);
  writeFileSync(site.path('reads.sam'), `${[...head, ...lines].join('\n')}\n`);
  for (const args of [
    ['view', '-b', '-o', 'reads.bam', 'reads.sam'],
    ['index', 'reads.bam'],
  ]) {
    const { status, stderr } = spawnSync('samtools', args, { cwd: site.directory, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  }
  const files = ['reads.bam', 'reads.bam.bai'].map(
    (name) => [`/bucket/${name}`, readFileSync(site.path(name))] as const,
  );
  return Object.fromEntries(files);
}
