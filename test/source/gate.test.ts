import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { parseSockets, socketAddress } from '../../src/core/sockets.ts';
import { createContainerSource } from '../../src/source/container/source.ts';
import { Gate } from '../../src/source/gate.ts';
import { containerDeps, containerRig, ecsAnswer } from '../support/container.ts';
import { createWebIdentitySource } from '../../src/source/web-identity/source.ts';
import { badOf, goodOf, ROLE_ARN } from '../support/sts-scene.ts';
import { tempDir } from '../support/temp-dir.ts';

const STRANGER = 65_533;
const signal = new AbortController().signal;

/** Answers as ECS does, and counts what it was shown. Tells `PORT`, then a line for each request. */
const SERVER = `
const [host, port, body] = process.argv.slice(1);
const server = require('node:http').createServer((request, response) => {
  console.log('asked ' + (request.headers.authorization ?? 'without'));
  response.end(body);
}).listen({ host, port: Number(port), ipv6Only: true }, () => console.log(server.address().port));
`;

/** Refuses once and listens no more, and answers on the connection that it keeps. */
const KEEPER = `
const [host, port, body] = process.argv.slice(1);
const replies = ['HTTP/1.1 503 Busy\\r\\ncontent-length: 0\\r\\n\\r\\n',
  'HTTP/1.1 200 OK\\r\\ncontent-length: ' + body.length + '\\r\\n\\r\\n' + body];
const server = require('node:net').createServer((socket) => socket.on('error', () => {}).on('data', () => {
  server.close();
  socket.write(replies.shift());
})).listen({ host, port: Number(port) }, () => console.log(server.address().port));
`;

interface Stranger {
  readonly port: number;
  readonly lines: readonly string[];
}

/** Another user's server, at a port of this host. Undefined, with the reason told, where the tests are not root's. */
async function startStranger(
  t: TestContext,
  host = '127.0.0.1',
  port = 0,
  program = SERVER,
): Promise<Stranger | undefined> {
  if (process.getuid?.() !== 0) {
    t.skip('needs root');
    return undefined;
  }
  const args = ['-e', program, host, String(port), ecsAnswer({ Expiration: '2099-01-01T00:00:00Z' })];
  const child = spawn(process.execPath, args, {
    uid: STRANGER,
    gid: STRANGER,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const lines = linesOf(child);
  while (lines.length === 0) await once(child.stdout, 'data');
  return { port: Number(lines[0]), lines };
}

function linesOf(child: ChildProcess): string[] {
  const lines: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
  return lines;
}

const sourceAt = (endpoint: string, user?: number) =>
  createContainerSource(
    { type: 'container', name: 'x', endpoint, ...(user !== undefined && { user }) },
    containerDeps(),
  );

describe("another user's port", () => {
  test('is refused before anything is sent', async (t) => {
    const stranger = await startStranger(t);
    if (!stranger) return;
    const refused = badOf(await sourceAt(`http://127.0.0.1:${stranger.port}/secret-path`).fetch(signal));
    assert.equal(refused.code, 'SOURCE_DENIED');
    assert.match(refused.message, new RegExp(`expected a port of root, or of user:, got one of .*uid ${STRANGER}`));
    assert.match(refused.hint ?? '', /user:/);
    assert.equal(stranger.lines.length, 1, 'it was asked');
  });

  test('is asked where that user is named, and then the word is theirs', async (t) => {
    const stranger = await startStranger(t);
    if (!stranger) return;
    for (const host of ['127.0.0.1', 'localhost']) {
      const source = sourceAt(`http://${host}:${stranger.port}/`, STRANGER);
      assert.equal(await source.user?.(signal), STRANGER);
      assert.equal(goodOf(await source.fetch(signal)).origin.user, STRANGER);
    }
  });

  test('does not become root’s word on a connection that is kept while nobody listens', async (t) => {
    const stranger = await startStranger(t, '127.0.0.1', 0, KEEPER);
    if (!stranger) return;
    const fetched = await sourceAt(`http://127.0.0.1:${stranger.port}/`, STRANGER).fetch(signal);
    assert.equal(badOf(fetched).code, 'SOURCE_UNREACHABLE');
  });

  test('is not shown the token of a web identity', async (t) => {
    const stranger = await startStranger(t);
    if (!stranger) return;
    const tokenFile = join(tempDir(t), 'token');
    writeFileSync(tokenFile, 'e30.e30.sig');
    const endpoint = `http://127.0.0.1:${stranger.port}`;
    const source = createWebIdentitySource(
      {
        ...{ type: 'web_identity', name: 'x', policyArns: [], region: 'us-east-1' },
        roleArn: ROLE_ARN,
        tokenFile,
        endpoint,
      },
      containerDeps(),
    );
    const refused = badOf(await source.fetch(signal));
    assert.equal(refused.code, 'STS_UNTRUSTED');
    assert.match(refused.message, new RegExp(`^POST ${endpoint}/: expected a port of root, got one of .*${STRANGER}`));
    assert.match(refused.hint ?? '', /another endpoint:$/);
    assert.equal(stranger.lines.length, 1, 'it was asked');
  });

  test('on all addresses is theirs as well', async (t) => {
    const stranger = await startStranger(t, '0.0.0.0');
    if (!stranger) return;
    assert.equal(badOf(await sourceAt(`http://127.0.0.1:${stranger.port}/`).fetch(signal)).code, 'SOURCE_DENIED');
  });

  test('at half of localhost does not keep us from that of root', async (t) => {
    const rig = await containerRig(t);
    const port = Number(new URL(rig.server.origin).port);
    const stranger = await startStranger(t, '::1', port);
    if (!stranger) return;
    const { origin } = goodOf(await rig.fetch({ endpoint: `http://localhost:${port}/` }));
    assert.deepEqual([origin.endpoint, origin.user], [`http://localhost:${port}`, undefined]);
    assert.match(rig.server.requests[0] ?? '', new RegExp(`^host: localhost:${port}$`, 'im'));
    assert.equal(stranger.lines.length, 1);
  });
});

describe('a port', () => {
  test('of the agent itself is asked', async (t) => {
    const rig = await containerRig(t);
    assert.equal(goodOf(await rig.fetch()).origin.user, process.getuid?.() === 0 ? undefined : process.getuid?.());
  });

  test('of IPv6 is asked', async (t) => {
    const rig = await containerRig(t, '::1');
    goodOf(await rig.fetch());
  });

  test('that somebody began to listen at meanwhile is refused: the connection may be of another', async (t) => {
    const first = await listen();
    const { port } = first.address() as AddressInfo;
    const gate = new Gate(new URL(`http://127.0.0.1:${port}/`), new Set([process.getuid?.() ?? 0]));
    assert.equal(gate.approach(), `http://127.0.0.1:${port}`);
    assert.equal(gate.vet('127.0.0.1', '127.0.0.1'), undefined);
    first.close();
    await once(first, 'close');
    assert.match(gate.vet('127.0.0.1', '127.0.0.1') ?? '', /does not tell/);
    const second = await listen(port);
    t.after(() => second.close());
    assert.match(gate.vet('127.0.0.1', '127.0.0.1') ?? '', /just begun to listen/);
    gate.approach();
    assert.equal(gate.vet('127.0.0.1', '127.0.0.1'), undefined);
  });

  test('of another host is nobody’s here; one of an address of this host is', () => {
    const gate = new Gate(new URL('http://169.254.170.2/'), new Set([0]));
    assert.equal(gate.vet('169.254.170.2', '10.0.0.7'), undefined);
    assert.match(gate.vet('169.254.170.2', '169.254.170.2') ?? '', /does not tell/);
  });
});

test('addresses are as the kernel shows them', () => {
  const rows = [
    ['127.0.0.1', '0100007F'],
    ['169.254.169.254', 'FEA9FEA9'],
    ['::1', '00000000000000000000000001000000'],
    ['::', '0'.repeat(32)],
    ['fd00:ec2::254', 'C20E00FD000000000000000054020000'],
    ['1:2:3:4:5:6:7:8', '02000100040003000600050008000700'],
  ] as const;
  for (const [address, shown] of rows) assert.equal(socketAddress(address), shown, address);
  assert.deepEqual(parseSockets('  sl  local_address\n\n junk\n'), []);
});

async function listen(port = 0): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
