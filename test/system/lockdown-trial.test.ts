import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { tally } from '../faults/tally.ts';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import { ADDRESSES, ALLOWED, ask, connect, done, GIVEN, NOBODY, openHost, REFUSED, ROOT } from './lockdown-host.ts';
import { openInstance } from './namespace.ts';

/** Seconds in which it is looked at; it ends by itself. */
const TRIAL = limit(6);

describe('a trial', () => {
  test('is ended by the kernel, with no process of ours', async (t) => {
    const space = await openInstance(t);
    const { lockdown, status } = await openHost(t, space);
    await tally(t, 'lockdown: a trial ends by itself', async (attempt) => {
      await attempt(async () => {
        assert.match(await done(lockdown('apply', '--for', `${TRIAL}s`)), /a trial: ends in \d+ s/);
        assert.deepEqual(await ask(space, NOBODY), REFUSED);
        await eventually('nobody is let in again', async () => (await ask(space, NOBODY)).join() === GIVEN.join());
      });
    });
    const { state, reason } = await status();
    assert.deepEqual([state, reason], ['off', 'the trial is over, and was not confirmed']);
    const late = await lockdown('confirm');
    assert.equal(late.code, 77);
    assert.match(late.stderr, /expected a trial, got none or one that is over/);
  });

  test('lasts once it is confirmed, with the users that were tried', async (t) => {
    const space = await openInstance(t);
    const { lockdown, status } = await openHost(t, space, { lockdown: {} });
    await done(lockdown('apply', '--for', `${TRIAL}s`, '--allow-user', String(ALLOWED)));
    const { state, rollbackInSeconds } = await status();
    assert.ok(
      state === 'on' && rollbackInSeconds !== undefined && rollbackInSeconds <= TRIAL,
      String(rollbackInSeconds),
    );
    const tried = await space.rules();
    assert.match(await done(lockdown('confirm', '--dry-run')), /^add element inet credrotate_lockdown /m);
    assert.match(await done(lockdown('remove', '--dry-run')), /^delete table inet credrotate_lockdown$/m);
    assert.equal((await space.rules()).replace(/expires \w+/g, ''), tried.replace(/expires \w+/g, ''));
    await done(lockdown('confirm'));
    assert.match(await done(lockdown('confirm', '--dry-run')), /^nothing would change$/m);
    assert.doesNotMatch(await space.rules(), /expires/);
    assert.deepEqual(await ask(space, ALLOWED, NOBODY), [...GIVEN, ...REFUSED]);
    assert.equal((await status()).reason, 'the table allows 65533, unlike the configuration');
    const again = await lockdown('apply', '--for', '1m');
    assert.equal(again.code, 77, 'it would end with the service open to all');
    assert.match(again.stderr, /--for: expected no rules in force/);
  });

  test('closes the address of a container role too, where a source asks for it', async (t) => {
    const space = await openInstance(t);
    const endpoint = 'http://169.254.170.2/v2/credentials/x';
    const sources = { task: { type: 'container', endpoint } };
    const { lockdown, status } = await openHost(t, space, { lockdown: {}, sources });
    const asked = async (user: number): Promise<string> => (await space.runAs(user, 'curl', '-sS', endpoint)).stdout;
    const closed = async (): Promise<void> => {
      assert.deepEqual([await asked(NOBODY), await asked(ROOT)], ['', 'here']);
      assert.deepEqual(await ask(space, NOBODY), REFUSED);
    };
    assert.equal(await asked(NOBODY), 'here');
    await done(lockdown('apply', '--for', '10m'));
    await closed();
    await done(lockdown('confirm'));
    await closed();
    const { state, reason } = await status();
    assert.deepEqual([state, reason], ['on', undefined]);
  });
});

test('whoever is connected and not allowed stands in the way, until it is forced', async (t) => {
  const space = await openInstance(t);
  const { lockdown } = await openHost(t, space);
  const before = await space.rules();
  const clients = await Promise.all(ADDRESSES.map((address) => connect(t, space, NOBODY, address)));
  const tried = await lockdown('apply', '--dry-run');
  assert.equal(tried.code, 77);
  assert.match(
    tried.stdout,
    /^connected now: user 65534 \(nobody\), 2 connections: will be refused; --allow-user nobody/m,
  );
  const refused = await lockdown('apply');
  assert.equal(refused.code, 77);
  assert.match(refused.stderr, /LOCKDOWN_REFUSED/);
  assert.equal(await space.rules(), before, 'nothing was loaded');
  await done(lockdown('apply', '--force'));
  const ends = await Promise.all(clients.map((goOn) => goOn()));
  assert.deepEqual(ends, ['ConnectionResetError', 'ConnectionResetError']);
});
