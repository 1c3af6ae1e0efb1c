import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ImdsClient } from '../../src/source/imds/client.ts';
import { carried, imdsRig, imdsServer, inVain, token } from '../support/imds-server.ts';
import { answer, hang, reset, type Reply } from '../support/raw-server.ts';

const ID = 'meta-data/instance-id';
const signal = new AbortController().signal;

describe('IMDSv1', () => {
  for (const status of [403, 404, 405]) {
    test(`is used after ${status}, if allowed, and said`, async (t) => {
      const server = await imdsServer(t);
      server.reply('token', answer(status));
      const rig = imdsRig(t, server, { v1: 'allow' });
      await new ImdsClient(rig).get(ID, signal);
      assert.deepEqual(carried(server.requests), ['-']);
      assert.deepEqual(rig.warnings, [{ event: 'imds_v1_used', status }]);
    });

    test(`is not used after ${status} otherwise`, async (t) => {
      const server = await imdsServer(t);
      server.always('token', answer(status));
      await assert.rejects(new ImdsClient(imdsRig(t, server)).get(ID, signal));
      assert.deepEqual(server.steps(), ['token']);
    });
  }

  const never: [name: string, reply: Reply][] = [
    ...[400, 401, 429, 500, 503].map((status): [string, Reply] => [`status ${status}`, answer(status)]),
    ['a timeout', hang],
    ['a reset', reset],
  ];
  for (const [name, reply] of never) {
    test(`is never used after ${name}`, async (t) => {
      const server = await imdsServer(t);
      server.always('token', reply === hang ? inVain(t, hang) : reply);
      const client = new ImdsClient(imdsRig(t, server, { v1: 'allow', attempts: 2 }));
      await assert.rejects(client.get(ID, signal));
      assert.deepEqual([...new Set(server.steps())], ['token']);
    });
  }

  test('is a matter of the file alone, whatever AWS_EC2_METADATA_V1_DISABLED says', async (t) => {
    for (const [v1, value, used] of [
      ['deny', 'false', false],
      ['allow', 'true', true],
    ] as const) {
      const server = await imdsServer(t);
      server.always('token', answer(403));
      const env = { AWS_EC2_METADATA_V1_DISABLED: value };
      const asked = new ImdsClient({ ...imdsRig(t, server, { v1, attempts: 1 }), env }).get(ID, signal);
      await (used ? asked : assert.rejects(asked));
      assert.deepEqual(server.steps(), used ? ['token', 'instance-id'] : ['token']);
    }
  });

  test('is said once, not with each request, and again after there was a token', async (t) => {
    const server = await imdsServer(t);
    const rig = imdsRig(t, server, { v1: 'allow' });
    const client = new ImdsClient(rig);
    server.reply('token', answer(403), answer(403), token('mine', '1'), answer(404), answer(404));
    for (let sent = 0; sent < 5; sent += 1) {
      await client.get(ID, signal);
      rig.clock.advance(1000);
    }
    assert.deepEqual(
      rig.warnings.map(({ status }) => status),
      [403, 404],
    );
  });

  test('is left as soon as there is a token', async (t) => {
    const server = await imdsServer(t);
    server.reply('token', answer(403));
    const client = new ImdsClient(imdsRig(t, server, { v1: 'allow' }));
    await client.get(ID, signal);
    await client.get(ID, signal);
    assert.deepEqual(carried(server.requests), ['-', 'token-1']);
  });
});
