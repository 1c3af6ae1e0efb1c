import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HttpError, type HttpRequest } from '../../src/core/contracts.ts';
import { ImdsClient } from '../../src/source/imds/client.ts';
import { TOTAL_TIME_MS } from '../../src/source/imds/settings.ts';
import { failure } from '../support/failure.ts';
import { HastyClock, IMDS_CONFIG, imdsRig, imdsServer } from '../support/imds-server.ts';
import { answer, raw } from '../support/raw-server.ts';

const ID = 'meta-data/instance-id';
const signal = new AbortController().signal;

describe('a path', () => {
  for (const [path, sent] of [
    [ID, '/latest/meta-data/instance-id'],
    ['user-data', '/latest/user-data'],
    ['/2022-09-24/meta-data/', '/2022-09-24/meta-data/'],
  ] as const) {
    test(path, async (t) => {
      const server = await imdsServer(t);
      await new ImdsClient(imdsRig(t, server)).get(path, signal);
      assert(server.requests[1]?.startsWith(`GET ${sent} HTTP/1.1\r\n`));
    });
  }

  for (const path of ['meta data', 'a\nb', 'é']) {
    test(`that cannot be sent: ${JSON.stringify(path)}`, async (t) => {
      const server = await imdsServer(t);
      const client = new ImdsClient(imdsRig(t, server));
      await assert.rejects(client.get(path, signal), failure('USAGE', /expected visible ASCII/, /percent-encode/));
      assert.deepEqual(server.steps(), []);
    });
  }

  test('that does not exist', async (t) => {
    const server = await imdsServer(t);
    assert.equal(await new ImdsClient(imdsRig(t, server)).get('spot/instance-action', signal), undefined);
  });
});

test('bytes are handed on as they are', async (t) => {
  const server = await imdsServer(t);
  server.reply('other', raw('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\u0000\u001f\n\n'));
  const bytes = await new ImdsClient(imdsRig(t, server)).get('user-data', signal);
  assert.deepEqual(bytes, Buffer.from([0, 31, 10, 10]));
});

describe('waits between attempts', () => {
  for (const [random, waits] of [
    [0, [0, 0, 0, 0, 0, 0, 0]],
    [0.5, [100, 200, 400, 800, 1600, 2500, 2500]],
  ] as const) {
    test(`grow, up to a limit, by chance (${random})`, async (t) => {
      const server = await imdsServer(t);
      server.always('instance-id', answer(500));
      const clock = new HastyClock(random);
      const client = new ImdsClient({ ...imdsRig(t, server, { attempts: 8 }), clock });
      await assert.rejects(client.get(ID, signal));
      assert.deepEqual(clock.sleeps, waits);
    });
  }
});

describe('the signal', () => {
  test('ends a request, with its own reason', async (t) => {
    const abort = new AbortController();
    const server = await imdsServer(t);
    server.always('instance-id', () => {
      abort.abort(new Error('enough'));
    });
    const client = new ImdsClient(imdsRig(t, server, { attempts: 1 }));
    await assert.rejects(client.get(ID, abort.signal), /enough/);
  });

  test('ends a wait', async (t) => {
    const abort = new AbortController();
    const server = await imdsServer(t);
    server.always('instance-id', answer(500));
    const rig = imdsRig(t, server);
    rig.clock.sleep = () => {
      abort.abort(new Error('enough'));
      return Promise.resolve();
    };
    await assert.rejects(new ImdsClient(rig).get(ID, abort.signal), /enough/);
    assert.equal(server.steps().length, 2);
  });

  test('that has come before keeps everything from being sent', async (t) => {
    const server = await imdsServer(t);
    const client = new ImdsClient(imdsRig(t, server));
    await assert.rejects(client.get(ID, AbortSignal.abort(new Error('enough'))), /enough/);
    assert.deepEqual(server.requests, []);
  });
});

test('half a minute is the end, whatever the attempts add up to', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const http = {
    request: ({ signal: ends }: HttpRequest) =>
      new Promise<never>((_, reject) => {
        ends.addEventListener('abort', () => {
          reject(new HttpError('aborted', 'none in time'));
        });
      }),
    close: () => Promise.resolve(),
  };
  const client = new ImdsClient({
    http,
    clock: new HastyClock(),
    config: { ...IMDS_CONFIG, timeout: 60_000 },
    env: {},
  });
  const answered = assert.rejects(
    client.get(ID, signal),
    failure('IMDS_UNREACHABLE', /within 30 s, got none$/, /credrotate doctor/),
  );
  t.mock.timers.tick(TOTAL_TIME_MS);
  await answered;
});

test('disabled: not a single request', async (t) => {
  const server = await imdsServer(t);
  const client = new ImdsClient({ ...imdsRig(t, server), env: { AWS_EC2_METADATA_DISABLED: 'true' } });
  await assert.rejects(client.get(ID, signal), failure('IMDS_DISABLED', /AWS_EC2_METADATA_DISABLED/, /environment/));
  assert.deepEqual(server.connections, []);
});
