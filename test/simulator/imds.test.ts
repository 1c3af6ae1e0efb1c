import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { createSimulator } from '../../src/simulator/simulator.ts';
import { CREDENTIALS, get, Hands, putToken, ROLES, send, start, token } from './harness.ts';

const TTL = 'x-aws-ec2-metadata-token-ttl-seconds';

describe('session tokens', () => {
  for (const ttl of ['1', '21600']) {
    test(`are given for ${ttl} s, which the answer repeats`, async (t) => {
      const reply = await putToken(await start(t), { [TTL]: ttl });
      assert.equal(reply.status, 200);
      assert.equal(reply.headers.get(TTL), ttl);
      assert.match(reply.body, /^[\w-]{54}==$/);
    });
  }

  const refused: readonly [status: number, headers: Record<string, string>][] = [
    [400, {}],
    [400, { [TTL]: '0' }],
    [400, { [TTL]: '21601' }],
    [400, { [TTL]: '-1' }],
    [400, { [TTL]: '1.5' }],
    [400, { [TTL]: 'x' }],
    [403, { [TTL]: '60', 'x-forwarded-for': '10.0.0.1' }],
  ];
  for (const [status, headers] of refused) {
    test(`are refused with ${status} for ${JSON.stringify(headers)}`, async (t) => {
      const reply = await putToken(await start(t), headers);
      assert.equal(reply.status, status);
      assert.equal(reply.headers.get('content-type'), 'text/html');
      assert.match(reply.body, new RegExp(`^<\\?xml[^]*<title>${status} - [^]*</html>\\n$`));
    });
  }

  test('are not given on a dated path', async (t) => {
    const reply = await send(await start(t), '/2021-03-23/api/token', { method: 'PUT', headers: { [TTL]: '60' } });
    assert.equal(reply.status, 403);
  });

  test('are not to be had with GET', async (t) => {
    const reply = await send(await start(t), '/latest/api/token');
    assert.deepEqual([reply.status, reply.headers.get('allow'), reply.body], [405, 'OPTIONS, PUT', '']);
  });

  test('open the metadata until they end, and say how long they will', async (t) => {
    const hands = new Hands();
    const simulator = await start(t, { now: hands.now });
    const key = await token(simulator, 60);
    hands.time += 20_000;
    const reply = await get(simulator, '/latest/meta-data/instance-id', key);
    assert.deepEqual([reply.status, reply.headers.get(TTL)], [200, '40']);
    hands.time += 40_000;
    assert.equal((await get(simulator, '/latest/meta-data/instance-id', key)).status, 401);
  });

  test('are needed, and no other will do', async (t) => {
    const simulator = await start(t);
    const [without, unknown] = [
      await send(simulator, CREDENTIALS),
      await get(simulator, CREDENTIALS, 'AQAAAunknown=='),
    ];
    assert.deepEqual([without.status, unknown.status], [401, 401]);
    assert.match(without.body, /401 - Unauthorized/);
    assert.doesNotMatch(without.body, /ASIA/);
  });

  test('are not needed where version 1 is allowed, but a wrong one is refused', async (t) => {
    const simulator = await start(t, { v1: true });
    assert.equal((await send(simulator, CREDENTIALS)).status, 200);
    assert.equal((await get(simulator, CREDENTIALS, 'AQAAAunknown==')).status, 401);
  });
});

describe('the metadata', () => {
  const instance = { instanceId: 'i-0fedcba9876543210', accountId: '210987654321' };
  const plain: readonly [path: string, body: string | RegExp][] = [
    ['/', /^1\.0\n(\d{4}-\d\d-\d\d\n)+latest$/],
    ['/latest', 'dynamic\nmeta-data'],
    ['/latest/meta-data', /^ami-id\n[^]*\niam\/\ninstance-action\ninstance-id\n[^]*\nplacement\/\n/],
    ['/latest/meta-data/', /\nservices\/$/],
    ['/latest/meta-data/iam/', 'info\nsecurity-credentials/'],
    ['/latest/meta-data/iam/security-credentials', 'demo-role'],
    [ROLES, 'demo-role'],
    ['/latest/meta-data/instance-id', 'i-0fedcba9876543210'],
    ['/2021-03-23/meta-data/instance-id?query', 'i-0fedcba9876543210'],
    ['/latest/meta-data/%69nstance-id', 'i-0fedcba9876543210'],
    ['/latest/meta-data/placement/region', 'us-east-1'],
    // So ask botocore for the region, fog and ec2-metadata.
    ['/latest/meta-data/placement/availability-zone/', 'us-east-1a'],
    ['/latest/dynamic/instance-identity/document/', /^\{\n/],
    // So ask ohai, facter, Ansible, and the AWS CLI where the endpoint ends with a slash.
    ['//latest/meta-data/instance-id', 'i-0fedcba9876543210'],
    ['/latest//meta-data//instance-id', 'i-0fedcba9876543210'],
    ['/latest/meta-data//iam//security-credentials//', 'demo-role'],
    ['/latest/meta-data/placement/availability-zone', 'us-east-1a'],
  ];
  for (const [path, body] of plain) {
    test(`has ${path}`, async (t) => {
      const simulator = await start(t, instance);
      const reply = await get(simulator, path, await token(simulator));
      assert.deepEqual([reply.status, reply.headers.get('content-type')], [200, 'text/plain']);
      if (typeof body === 'string') assert.equal(reply.body, body);
      else assert.match(reply.body, body);
    });
  }

  test('is given without a Host, as HTTP/1.1 and HTTP/1.0 have it', async (t) => {
    const { port } = new URL((await start(t, { ...instance, v1: true })).url);
    for (const version of ['1.1', '1.0']) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.setEncoding('latin1').write(`GET /latest/meta-data/instance-id HTTP/${version}\r\n\r\n`);
      const parts = await socket.toArray();
      assert.match(parts.join(''), /^HTTP\/1\.1 200 [^]*\r\n\r\ni-0fedcba9876543210$/);
    }
  });

  for (const path of [
    '/latest/user-data',
    '/2020-01-01/meta-data/',
    '/latest/meta-data/spot/instance-action',
    '/latest/%zz',
  ]) {
    test(`does not have ${path}`, async (t) => {
      const simulator = await start(t);
      const reply = await get(simulator, path, await token(simulator));
      assert.deepEqual([reply.status, Buffer.byteLength(reply.body)], [404, 339]);
    });
  }

  test('names the instance in the identity document and the profile', async (t) => {
    const simulator = await start(t, { ...instance, role: 'app+web@prod' });
    const key = await token(simulator);
    const document = (await get(simulator, '/latest/dynamic/instance-identity/document', key)).body;
    assert.match(
      document,
      /^\{\n {2}"accountId" : "210987654321",\n[^]*"instanceId" : "i-0fedcba9876543210",\n[^]*\n\}$/,
    );
    const info = (await get(simulator, '/latest/meta-data/iam/info', key)).body;
    assert.match(info, /"InstanceProfileArn" : "arn:aws:iam::210987654321:instance-profile\/app\+web@prod"/);
    assert.match(info, /"InstanceProfileId" : "AIPA[A-Z2-7]{16}"/);
    const role = encodeURIComponent('app+web@prod');
    assert.equal((await get(simulator, ROLES + role, key)).status, 200);
  });

  test('gives user data byte for byte', async (t) => {
    const userData = Buffer.from([0x23, 0x21, 0, 0xff, 0x0a]);
    const simulator = await start(t, { userData, v1: true });
    const response = await fetch(`${simulator.url}/latest/user-data`);
    assert.equal(response.headers.get('content-type'), 'application/octet-stream');
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), userData);
    assert.equal((await send(simulator, '/latest/')).body, 'dynamic\nmeta-data\nuser-data');
  });

  test('is read only', async (t) => {
    const simulator = await start(t);
    const key = await token(simulator);
    for (const method of ['POST', 'PUT', 'DELETE'])
      assert.equal((await get(simulator, CREDENTIALS, key, method)).status, 405);
    assert.deepEqual([(await get(simulator, CREDENTIALS, key, 'HEAD')).status], [200]);
  });

  test('has neither role nor credentials where the instance has none', async (t) => {
    const simulator = await start(t, { role: null });
    const key = await token(simulator);
    for (const path of [ROLES, CREDENTIALS, '/latest/meta-data/iam/info'])
      assert.equal((await get(simulator, path, key)).status, 404);
    assert.doesNotMatch((await get(simulator, '/latest/meta-data/', key)).body, /iam/);
  });

  test('comes with the headers of the real service, its connection closed', async (t) => {
    const hands = new Hands();
    const simulator = await start(t, { now: hands.now });
    const { headers } = await get(simulator, CREDENTIALS, await token(simulator));
    assert.deepEqual(
      [headers.get('server'), headers.get('connection'), headers.get('date')],
      ['EC2ws', 'close', 'Fri, 01 May 2026 10:00:00 GMT'],
    );
  });
});

test('requests are remembered, the last thousand', async (t) => {
  const simulator = await start(t, { v1: true });
  await putToken(simulator, {});
  await send(simulator, '/latest/?x=1');
  assert.deepEqual(simulator.requests, [
    { method: 'PUT', path: '/latest/api/token', status: 400 },
    { method: 'GET', path: '/latest/', status: 200 },
  ]);
  for (let count = 0; count < 999; count++) await send(simulator, '/');
  assert.equal(simulator.requests.length, 1000);
  assert.equal(simulator.requests[0]?.path, '/latest/');
});

test('options that make no sense are refused', async () => {
  await assert.rejects(createSimulator({ rotateEvery: 0 }), {
    code: 'USAGE',
    message: /rotateEvery: expected more than 0/,
  });
  await assert.rejects(createSimulator({ lifetime: NaN }), { code: 'USAGE' });
});

test('an address that is taken is an error', async (t) => {
  const { port } = new URL((await start(t)).url);
  await assert.rejects(createSimulator({ port: Number(port) }), { code: 'EADDRINUSE' });
});
