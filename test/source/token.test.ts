import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ErrorCode } from '../../src/core/errors.ts';
import { ImdsClient } from '../../src/source/imds/client.ts';
import { createExchange } from '../../src/source/imds/exchange.ts';
import { resolveSettings } from '../../src/source/imds/settings.ts';
import { TokenCache } from '../../src/source/imds/token.ts';
import { carried, imdsRig, imdsServer, token } from '../support/imds-server.ts';
import { answer } from '../support/raw-server.ts';

const ID = 'meta-data/instance-id';
const signal = new AbortController().signal;

test('a token is asked for six hours and sent with each request', async (t) => {
  const server = await imdsServer(t);
  const client = new ImdsClient(imdsRig(t, server));
  await client.get(ID, signal);
  await client.get(ID, signal);
  assert.match(server.requests[0] ?? '', /^PUT \/latest\/api\/token HTTP/);
  assert.match(server.requests[0] ?? '', /^x-aws-ec2-metadata-token-ttl-seconds: 21600$/m);
  assert.deepEqual(server.steps(), ['token', 'instance-id', 'instance-id']);
  assert.deepEqual(carried(server.requests), ['token-1', 'token-1']);
});

describe('a token is replaced', () => {
  const table: [name: string, ttl: string | null, keptFor: number][] = [
    ['two minutes before its end', '21600', 21_480],
    ['by the lifetime that was given, not the one asked for', '300', 180],
    ['half way, when its life is short', '60', 30],
    ['after six hours, whatever was given', '999999999', 21_480],
  ];
  for (const [name, ttl, keptFor] of table) {
    test(name, async (t) => {
      const server = await imdsServer(t);
      server.reply('token', token('first', ttl));
      const rig = imdsRig(t, server);
      const client = new ImdsClient(rig);
      await client.get(ID, signal);
      rig.clock.advance(keptFor * 1000 - 1);
      await client.get(ID, signal);
      assert.deepEqual(carried(server.requests), ['first', 'first']);
      rig.clock.advance(1);
      await client.get(ID, signal);
      assert.deepEqual(carried(server.requests), ['first', 'first', 'token-1']);
    });
  }

  for (const ttl of [null, '', 'long', '-5', '0']) {
    test(`each time, when its life is ${JSON.stringify(ttl)}`, async (t) => {
      const server = await imdsServer(t);
      server.reply('token', token('first', ttl), token('second', ttl));
      const client = new ImdsClient(imdsRig(t, server));
      await client.get(ID, signal);
      await client.get(ID, signal);
      assert.deepEqual(carried(server.requests), ['first', 'second']);
    });
  }

  test('at once when the service refuses it', async (t) => {
    const server = await imdsServer(t);
    const rig = imdsRig(t, server);
    const client = new ImdsClient(rig);
    await client.get(ID, signal);
    server.reply('instance-id', answer(401));
    assert.equal((await client.get(ID, signal))?.toString(), 'i-0abc');
    assert.deepEqual(carried(server.requests), ['token-1', 'token-1', 'token-2']);
    assert.deepEqual(rig.clock.sleeps, []);
  });

  test('once, when two requests that carried it are refused', async (t) => {
    const server = await imdsServer(t);
    const client = new ImdsClient(imdsRig(t, server));
    await client.get(ID, signal);
    server.steps();
    server.reply('instance-id', answer(401), answer(401));
    await Promise.all([client.get(ID, signal), client.get(ID, signal)]);
    assert.equal(server.steps().filter((step) => step === 'token').length, 1);
    assert.deepEqual(carried(server.requests).slice(-2), ['token-2', 'token-2']);
  });
});

test('a refusal of a token that was replaced meanwhile leaves the new one', async (t) => {
  const server = await imdsServer(t);
  const rig = imdsRig(t, server);
  const settings = resolveSettings(rig.config, {});
  const exchange = createExchange(rig.http, settings);
  const tokens = new TokenCache({ exchange, clock: rig.clock, settings, log: undefined });
  await tokens.get(signal);
  tokens.discard('token-0');
  assert.equal(await tokens.get(signal), 'token-1');
  tokens.discard('token-1');
  assert.equal(await tokens.get(signal), 'token-2');
});

test('requests at the same time share one token', async (t) => {
  const server = await imdsServer(t);
  const client = new ImdsClient(imdsRig(t, server));
  await Promise.all([1, 2, 3].map(() => client.get(ID, signal)));
  assert.deepEqual(server.steps(), ['token', 'instance-id', 'instance-id', 'instance-id']);
});

test('whoever waits for the token of another one that is aborted asks for its own', async (t) => {
  const server = await imdsServer(t);
  const client = new ImdsClient(imdsRig(t, server));
  const abort = new AbortController();
  server.reply('token', () => {
    abort.abort(new Error('enough'));
  });
  const first = client.get(ID, abort.signal);
  const second = client.get(ID, signal);
  await assert.rejects(first, /enough/);
  assert.equal((await second)?.toString(), 'i-0abc');
});

describe('what is no token', () => {
  for (const [name, body] of [
    ['nothing', ''],
    ['white space', ' \r\n'],
    ['HTML', '<html>Welcome</html>'],
    ['lines', 'one\ntwo'],
    ['what no header can carry', 'tok\u0000en'],
  ] as const) {
    test(name, async (t) => {
      const server = await imdsServer(t);
      server.always('token', token(body));
      const client = new ImdsClient(imdsRig(t, server));
      await assert.rejects(client.get(ID, signal), { code: 'IMDS_MALFORMED' satisfies ErrorCode });
      assert.deepEqual(server.steps(), ['token']);
    });
  }

  test('space around it is not part of it', async (t) => {
    const server = await imdsServer(t);
    server.reply('token', token(' mine\n'));
    await new ImdsClient(imdsRig(t, server)).get(ID, signal);
    assert.deepEqual(carried(server.requests), ['mine']);
  });
});
