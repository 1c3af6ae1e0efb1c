import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { HttpError } from '../../src/core/contracts.ts';
import { ImdsClient } from '../../src/source/imds/client.ts';
import { askImdsd } from '../../src/source/imds/imdsd.ts';
import { failure } from '../support/failure.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { tempDir } from '../support/temp-dir.ts';

const PATH = '/latest/meta-data/instance-id';
const signal = new AbortController().signal;

/** systemd-imdsd's socket, which gives one answer to all. */
async function imdsd(t: TestContext, answer: string | undefined): Promise<{ path: string; calls: unknown[] }> {
  const path = join(tempDir(t), 'socket');
  const calls: unknown[] = [];
  const server = createServer((socket) => {
    socket.setEncoding('utf8').on('data', (text: string) => {
      assert.ok(text.endsWith('\0'));
      calls.push(JSON.parse(text.slice(0, -1)));
      if (answer !== undefined) socket.write(answer);
    });
    socket.on('error', () => undefined);
    t.after(() => socket.destroy());
  });
  await once(server.listen(path), 'listening');
  t.after(() => server.close());
  return { path, calls };
}

function reply(value: object): string {
  return `${JSON.stringify(value)}\0`;
}

describe('by way of systemd-imdsd', () => {
  test('an answer is what the service gave, no older than ten seconds', async (t) => {
    const data = Buffer.from('{"Code":"Success"}\n').toString('base64');
    const { path, calls } = await imdsd(t, reply({ parameters: { data, interface: 2 } }));
    assert.equal((await askImdsd(PATH, signal, path))?.toString(), '{"Code":"Success"}\n');
    assert.deepEqual(calls, [
      {
        method: 'io.systemd.InstanceMetadata.Get',
        parameters: { key: '/meta-data/instance-id', refreshUSec: 10_000_000 },
      },
    ]);
  });

  test('what is not there is not there', async (t) => {
    const { path } = await imdsd(t, reply({ error: 'io.systemd.InstanceMetadata.KeyNotFound', parameters: {} }));
    assert.equal(await askImdsd(PATH, signal, path), undefined);
  });

  const BAD = [
    ['io.systemd.InstanceMetadata.NotAvailable', 'IMDS_DENIED', /--http-endpoint enabled/],
    ['org.varlink.service.PermissionDenied', 'IMDS_DENIED', /as root/],
    ['io.systemd.InstanceMetadata.CommunicationFailure', 'IMDS_UNREACHABLE', /journalctl/],
    ['io.systemd.\u001b[31m', 'IMDS_UNREACHABLE', /journalctl/],
  ] as const;
  for (const [error, code, hint] of BAD) {
    test(`${JSON.stringify(error)}: ${code}`, async (t) => {
      const { path } = await imdsd(t, reply({ error, parameters: {} }));
      await assert.rejects(askImdsd(PATH, signal, path), (thrown: Error) => {
        assert.doesNotMatch(thrown.message, /\u001b/);
        return failure(code, /: expected an answer, got /, hint)(thrown);
      });
    });
  }

  for (const [name, answer] of [
    ['no JSON', 'hello\0'],
    ['nothing in it', reply({})],
    ['no text', reply({ parameters: { data: 3 } })],
    ['one without an end', 'x'.repeat(200_000)],
  ] as const) {
    test(`an answer that is none: ${name}`, async (t) => {
      const { path } = await imdsd(t, answer);
      await assert.rejects(askImdsd(PATH, signal, path), failure('IMDS_MALFORMED', /got something else/, /./));
    });
  }

  test('one that hangs is left when the time is over', async (t) => {
    const { path, calls } = await imdsd(t, undefined);
    const stop = new AbortController();
    const asked = askImdsd(PATH, stop.signal, path);
    while (calls.length === 0) await new Promise(setImmediate);
    stop.abort(new Error('the time is over'));
    await assert.rejects(asked, /the time is over/);
  });

  test('where its socket is not there, the error says what to do', async (t) => {
    const path = join(tempDir(t), 'socket');
    const hint = /systemctl enable --now systemd-imdsd\.socket/;
    await assert.rejects(askImdsd(PATH, signal, path), failure('IMDS_UNREACHABLE', /got ENOENT on connect/, hint));
  });

  test('it has no other version than the latest', async () => {
    await assert.rejects(
      askImdsd('/2021-01-03/meta-data/', signal),
      failure('IMDS_UNREACHABLE', /below \/latest/, /./),
    );
  });

  test('it is not asked about an endpoint that stands for the service', async () => {
    const http = {
      request: () => Promise.reject(new HttpError('prohibited', 'EACCES on connect')),
      close: () => Promise.resolve(),
    };
    const config = { endpoint: 'http://127.0.0.1:1', allowAnyEndpoint: false, v1: 'deny', attempts: 1 } as const;
    const client = new ImdsClient({ http, clock: new FakeClock(0), config, env: {} });
    const expected = failure('IMDS_UNREACHABLE', /expected a connection, got EACCES/, /ip route show type prohibit/);
    await assert.rejects(client.get('meta-data/instance-id', signal), expected);
  });
});
