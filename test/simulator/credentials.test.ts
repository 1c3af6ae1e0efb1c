import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CREDENTIALS, get, Hands, ROLES, send, start, token } from './harness.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('credentials', () => {
  test('look like real ones', async (t) => {
    const simulator = await start(t, { now: new Hands().now });
    const { body } = await get(simulator, CREDENTIALS, await token(simulator));
    const lines = [
      /^\{$/,
      /^ {2}"Code" : "Success",$/,
      /^ {2}"LastUpdated" : "2026-05-01T10:00:00Z",$/,
      /^ {2}"Type" : "AWS-HMAC",$/,
      /^ {2}"AccessKeyId" : "ASIA[A-Z2-7]{16}",$/,
      /^ {2}"SecretAccessKey" : "[A-Za-z0-9/+]{40}",$/,
      /^ {2}"Token" : "IQoJb3JpZ2luX2Vj[A-Za-z0-9/+]{700,900}={1,2}",$/,
      /^ {2}"Expiration" : "2026-05-01T16:00:00Z"$/,
      /^\}$/,
    ];
    assert.equal(body.split('\n').length, lines.length);
    for (const [index, line] of body.split('\n').entries()) assert.match(line, lines[index] ?? /^$/);
    for (const character of '/+=') assert.ok(simulator.current().token.includes(character));
  });

  test('are the same on both sides', async (t) => {
    const simulator = await start(t, { v1: true });
    const current = simulator.current();
    const { body } = await send(simulator, CREDENTIALS);
    for (const value of [current.accessKeyId, current.secretAccessKey, current.token])
      assert.ok(body.includes(`"${value}"`));
    assert.ok(body.includes(`"Expiration" : "${new Date(current.expiration).toISOString().replace('.000Z', 'Z')}"`));
  });

  test('rotate on the schedule, however long nobody asked', async (t) => {
    const hands = new Hands();
    const simulator = await start(t, { now: hands.now, lifetime: 6 * HOUR, rotateEvery: HOUR });
    const first = simulator.current();
    assert.equal(first.generation, 1);
    hands.time += HOUR - 1;
    assert.deepEqual(simulator.current(), first);
    hands.time += 1;
    const second = simulator.current();
    assert.equal(second.generation, 2);
    assert.notEqual(second.accessKeyId, first.accessKeyId);
    assert.equal(second.expiration, first.expiration + HOUR);
    hands.time += 10.5 * HOUR;
    assert.equal(simulator.current().lastUpdated, first.lastUpdated + 11 * HOUR);
    assert.equal(simulator.state().nextRotation, new Hands().time + 12 * HOUR);
  });

  test('run out where they live shorter than the schedule', async (t) => {
    const hands = new Hands();
    const simulator = await start(t, { now: hands.now, lifetime: MINUTE, rotateEvery: HOUR });
    hands.time += 2 * MINUTE;
    assert.ok(simulator.current().expiration < hands.time);
  });

  test('rotate when they are told to, from when the schedule starts over', async (t) => {
    const hands = new Hands();
    const simulator = await start(t, { now: hands.now, rotateEvery: HOUR });
    hands.time += HOUR / 2;
    simulator.rotate();
    assert.equal(simulator.current().generation, 2);
    assert.equal(simulator.state().nextRotation, hands.time + HOUR);
  });

  test('belong to a role: another role has others', async (t) => {
    const simulator = await start(t, { v1: true });
    const before = simulator.current();
    simulator.setRole('other-role');
    assert.equal((await send(simulator, ROLES)).body, 'other-role');
    assert.equal((await send(simulator, CREDENTIALS)).status, 404);
    assert.ok((await send(simulator, `${ROLES}other-role`)).body.includes(simulator.current().accessKeyId));
    assert.notEqual(simulator.current().accessKeyId, before.accessKeyId);
    simulator.setRole(null);
    assert.equal((await send(simulator, ROLES)).status, 404);
  });
});
