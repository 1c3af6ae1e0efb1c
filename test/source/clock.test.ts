import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ImdsClient } from '../../src/source/imds/client.ts';
import { createImdsSource } from '../../src/source/imds/source.ts';
import { document, imdsRig, imdsServer, NOON } from '../support/imds-server.ts';
import { answer } from '../support/raw-server.ts';

const ID = 'meta-data/instance-id';
const HOURS = 3_600_000;
const signal = new AbortController().signal;

describe('the clock of the service', () => {
  for (const [date, clockSkew] of [
    [new Date(NOON).toUTCString(), 0],
    [new Date(NOON + 90_000).toUTCString(), -90_000],
    [new Date(NOON - 90_000).toUTCString(), 90_000],
    ['soon', undefined],
    [undefined, undefined],
  ] as const) {
    test(`${String(date)}: ${String(clockSkew)}`, async (t) => {
      const server = await imdsServer(t);
      server.reply('instance-id', answer(200, 'i', date === undefined ? {} : { Date: date }));
      const client = new ImdsClient(imdsRig(t, server));
      await client.get(ID, signal);
      assert.equal(client.clockSkew, clockSkew);
    });
  }

  test('is told by refusals, too, and can be forgotten', async (t) => {
    const server = await imdsServer(t);
    server.always('instance-id', answer(403, '', { Date: new Date(NOON - 90_000).toUTCString() }));
    const client = new ImdsClient(imdsRig(t, server));
    await assert.rejects(client.get(ID, signal));
    assert.equal(client.clockSkew, 90_000);
    client.forgetClock();
    assert.equal(client.clockSkew, undefined);
  });
});

describe('whether credentials have expired is a matter of the clock of the service', () => {
  const table: [what: string, left: number, clockSkew: number, expired: boolean][] = [
    ['ours is 7 h ahead', 6 * HOURS, 7 * HOURS, false],
    ['ours is in 1970', 6 * HOURS, -NOON, false],
    ['ours is 7 h behind, and they are over', -1000, -7 * HOURS, true],
    ['ours is 7 h ahead, and they are over', -1000, 7 * HOURS, true],
    ['both agree', 6 * HOURS, 0, false],
    ['both agree but for seconds, and ours counts', 30_000, 60_000, true],
  ];
  for (const [what, left, clockSkew, expired] of table) {
    test(what, async (t) => {
      const theirs = NOON - clockSkew;
      const server = await imdsServer(t);
      const body = document({ Expiration: new Date(theirs + left).toISOString() });
      server.reply('credentials', answer(200, body, { Date: new Date(theirs).toUTCString() }));
      const fetched = await createImdsSource(imdsRig(t, server)).fetch(signal);
      assert.equal(fetched.clockSkew, clockSkew);
      assert.equal(fetched.ok ? undefined : fetched.error.code, expired ? 'IMDS_EXPIRED' : undefined);
    });
  }

  test('and of ours where it does not tell its time; what it told before counts no longer', async (t) => {
    const server = await imdsServer(t);
    const source = createImdsSource(imdsRig(t, server));
    const body = document({ Expiration: new Date(NOON - 1000).toISOString() });
    server.reply('credentials', answer(200, body, { Date: new Date(NOON - HOURS).toUTCString() }), answer(200, body));
    assert.equal((await source.fetch(signal)).ok, true);
    const fetched = await source.fetch(signal);
    assert(!fetched.ok);
    const { error, clockSkew } = fetched;
    assert.deepEqual([error.code, clockSkew], ['IMDS_EXPIRED', undefined]);
    assert.match(error.hint ?? '', /timedatectl/);
  });
});
