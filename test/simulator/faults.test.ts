import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { plain } from '../../src/simulator/answer.ts';
import { Faults, FAULT_KINDS, type Fault, type FaultKind } from '../../src/simulator/faults.ts';
import { Tokens } from '../../src/simulator/imds.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { CREDENTIALS, get, Hands, putToken, ROLES, send, start, token, type Reply } from './harness.ts';

const HOUR = 3_600_000;
const EARLIER = '2026-05-01T09:00:00Z';
const PATHS = {
  token: '/latest/api/token',
  role: ROLES,
  credentials: CREDENTIALS,
  any: '/latest/meta-data/instance-id',
};

function field(reply: Reply, name: string): unknown {
  // Tests look at single fields.
  return (JSON.parse(reply.body) as Record<string, unknown>)[name];
}

function title(reply: Reply): string | undefined {
  return /<title>(.*)<\/title>/.exec(reply.body)?.[1];
}

describe('a fault in an answer', () => {
  const cases: readonly [fault: Fault, look: (reply: Reply, simulator: Simulator) => unknown, expected: unknown][] = [
    [{ at: 'credentials', kind: 'status' }, (reply) => reply.status, 500],
    [{ at: 'role', kind: 'status', value: 404 }, title, '404 - Not Found'],
    [{ at: 'any', kind: 'throttle' }, title, '503 - Service Unavailable'],
    [{ at: 'credentials', kind: 'html' }, (reply) => [reply.status, title(reply)], [200, 'Welcome']],
    [{ at: 'credentials', kind: 'huge', value: 100_000 }, (reply) => reply.body.length, 100_000],
    [{ at: 'role', kind: 'huge' }, (reply) => reply.body.length, 1024 * 1024],
    [{ at: 'role', kind: 'many-roles' }, (reply) => reply.body, 'demo-role\nanother-role'],
    [{ at: 'role', kind: 'trailing-newline' }, (reply) => reply.body, 'demo-role\n'],
    [{ at: 'role', kind: 'torn' }, (reply) => reply.body, 'demo'],
    [{ at: 'credentials', kind: 'torn' }, (reply) => /^\{\n {2}"Code"[^}]*$/.test(reply.body), true],
    [
      { at: 'credentials', kind: 'content-type' },
      (reply) => [reply.headers.get('content-type'), field(reply, 'Code')],
      ['application/octet-stream', 'Success'],
    ],
    [
      { at: 'credentials', kind: 'unknown-keys' },
      (reply, simulator) => [field(reply, 'Unheard'), field(reply, 'AccessKeyId') === simulator.current().accessKeyId],
      [{ of: [1, null] }, true],
    ],
    [
      { at: 'credentials', kind: 'empty-fields' },
      (reply) => [field(reply, 'SecretAccessKey'), field(reply, 'Token')],
      ['', ''],
    ],
    [
      { at: 'credentials', kind: 'denied' },
      (reply) => [reply.status, field(reply, 'Code'), reply.body.includes('ASIA')],
      [200, 'AssumeRoleUnauthorizedAccess', false],
    ],
    [{ at: 'credentials', kind: 'expired' }, (reply) => field(reply, 'Expiration'), EARLIER],
    [
      { at: 'credentials', kind: 'expires-earlier', value: HOUR / 2 },
      (reply) => field(reply, 'Expiration'),
      '2026-05-01T15:30:00Z',
    ],
    [
      { at: 'credentials', kind: 'skew', value: -90_000 },
      (reply) => [reply.headers.get('date'), field(reply, 'LastUpdated'), field(reply, 'Expiration')],
      ['Fri, 01 May 2026 09:58:30 GMT', '2026-05-01T09:58:30Z', '2026-05-01T15:58:30Z'],
    ],
  ];
  for (const [fault, look, expected] of cases) {
    test(`${fault.kind} at ${fault.at}`, async (t) => {
      const simulator = await start(t, { now: new Hands().now, v1: true, faults: [fault] });
      assert.deepEqual(look(await send(simulator, PATHS[fault.at]), simulator), expected);
      // What is only about credentials or another request is left alone.
      if (fault.at !== 'any') assert.equal((await send(simulator, PATHS.any)).body, 'i-0123456789abcdef0');
    });
  }

  test('none of them touches what is not credentials, where it is about credentials', async (t) => {
    const faults = (['expired', 'denied', 'unknown-keys', 'empty-fields', 'short-ttl'] as const).map((kind): Fault => ({
      at: 'any',
      kind,
    }));
    const simulator = await start(t, { v1: true, faults });
    assert.equal((await send(simulator, PATHS.any)).body, 'i-0123456789abcdef0');
    assert.equal((await send(simulator, '/latest/user-data')).status, 404);
  });
});

describe('faults of session tokens', () => {
  test('short-ttl: the token ends soon, and its header says so', async (t) => {
    const hands = new Hands();
    const simulator = await start(t, { now: hands.now, faults: [{ at: 'token', kind: 'short-ttl', value: 5 }] });
    const reply = await putToken(simulator, { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' });
    assert.equal(reply.headers.get('x-aws-ec2-metadata-token-ttl-seconds'), '5');
    assert.equal((await get(simulator, CREDENTIALS, reply.body)).status, 200);
    hands.time += 5000;
    assert.equal((await get(simulator, CREDENTIALS, reply.body)).status, 401);
  });

  test('invalidate-token: all tokens are forgotten in mid-life, new ones are given', async (t) => {
    const simulator = await start(t, { faults: [{ at: 'credentials', kind: 'invalidate-token', times: 1 }] });
    const old = await token(simulator);
    assert.equal((await get(simulator, ROLES, old)).status, 200);
    assert.equal((await get(simulator, CREDENTIALS, old)).status, 401);
    assert.equal((await get(simulator, ROLES, old)).status, 401);
    assert.equal((await get(simulator, CREDENTIALS, await token(simulator))).status, 200);
  });
});

describe('the course of faults', () => {
  test('so many times, then it is gone', async (t) => {
    const simulator = await start(t, { v1: true, faults: [{ at: 'credentials', kind: 'throttle', times: 2 }] });
    const statuses = [];
    for (const path of [CREDENTIALS, ROLES, CREDENTIALS, CREDENTIALS])
      statuses.push((await send(simulator, path)).status);
    assert.deepEqual(statuses, [503, 200, 503, 200]);
    assert.deepEqual(simulator.state().faults, []);
  });

  test('by chance: at 0 never, at 1 always, between them now and then', async (t) => {
    const simulator = await start(t, { v1: true });
    const count = async (probability: number) => {
      simulator.setFaults([{ at: 'role', kind: 'throttle', probability }]);
      const replies = await Promise.all(Array.from({ length: 60 }, () => send(simulator, ROLES)));
      return replies.filter(({ status }) => status === 503).length;
    };
    assert.deepEqual([await count(0), await count(1)], [0, 60]);
    // Fails by chance once in 2 to the power of 59.
    const some = await count(0.5);
    assert.ok(some > 0 && some < 60);
  });

  test('several work one after the other', async (t) => {
    const faults: Fault[] = [
      { at: 'role', kind: 'many-roles' },
      { at: 'any', kind: 'trailing-newline' },
    ];
    const simulator = await start(t, { v1: true, faults });
    assert.equal((await send(simulator, ROLES)).body, 'demo-role\nanother-role\n');
  });

  // Cause: a kind that edits credentials took it for granted that the one before had left a document of them.
  test('any two work one after the other, in either order', () => {
    const { now } = new Hands();
    const sound = plain(JSON.stringify({ AccessKeyId: 'ASIA', LastUpdated: EARLIER, Expiration: EARLIER }));
    const kinds = Object.keys(FAULT_KINDS) as FaultKind[];
    for (const first of kinds) {
      for (const second of kinds) {
        const both: Fault[] = [first, second].map((kind) => ({ at: 'any', kind }));
        const { status } = new Faults(both, { tokens: new Tokens(now), now }).apply(sound, 'credentials');
        assert.ok([200, 401, 500, 503].includes(status), `${first}, ${second}: ${status}`);
      }
    }
  });

  test('others take their place', async (t) => {
    const simulator = await start(t, { v1: true, faults: [{ at: 'any', kind: 'throttle' }] });
    simulator.setFaults([]);
    assert.equal((await send(simulator, ROLES)).status, 200);
  });
});
