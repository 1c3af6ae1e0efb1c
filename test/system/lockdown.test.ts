import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { tally } from '../faults/tally.ts';
import { ALLOWED, ask, done, GIVEN, NOBODY, openHost, REFUSED, ROOT } from './lockdown-host.ts';
import { openInstance, openNetwork } from './namespace.ts';

/** What an administrator has besides: nothing of it may change. */
const FOREIGN = `table inet filter {
  chain input { type filter hook input priority filter; policy accept; tcp dport 22 counter accept; }
  chain output { type filter hook output priority filter; policy accept; ip daddr 192.0.2.1 drop; }
}
table ip nat { chain post { type nat hook postrouting priority srcnat; oifname "eth9" masquerade; }; }`;

describe('the metadata service', () => {
  test('is reached by root and the allowed, and by nobody else', async (t) => {
    const space = await openInstance(t);
    const { lockdown, status } = await openHost(t, space);
    await space.run('nft', FOREIGN);
    const before = await space.rules();
    await tally(t, 'lockdown: who reaches the endpoint, before, under and after', async (attempt) => {
      const expect = async (user: number, answers: readonly string[]): Promise<void> => {
        await attempt(async () => {
          assert.deepEqual(await ask(space, user), answers, `user ${String(user)}`);
        });
      };
      for (const user of [ROOT, ALLOWED, NOBODY]) await expect(user, GIVEN);
      assert.match(await done(lockdown('apply')), /^lockdown: on$/m);
      for (const user of [ROOT, ALLOWED]) await expect(user, GIVEN);
      await expect(NOBODY, REFUSED);
      assert.deepEqual(await status(), {
        state: 'on',
        users: [ROOT, ALLOWED],
        containers: 'allow',
        refused: [NOBODY],
      });
      assert.match(
        await done(lockdown('status')),
        /reached by 0 \(root\), 65533, and by containers\n.*65534 \(nobody\)/,
      );
      await done(lockdown('remove'));
      await expect(NOBODY, GIVEN);
    });
    assert.equal(await space.rules(), before);
    await done(lockdown('remove'));
    assert.equal((await lockdown('status')).code, 69);
  });

  test('has neighbours, which stay as they are', async (t) => {
    const space = await openInstance(t);
    const { lockdown } = await openHost(t, space);
    await done(lockdown('apply', '--containers', 'deny'));
    await tally(t, 'lockdown: addresses of DNS, time and container roles', async (attempt) => {
      for (const address of ['169.254.169.253:53', '169.254.169.123:123', '169.254.170.2:80']) {
        await attempt(async () => {
          assert.equal(
            (await space.runAs(NOBODY, 'curl', '-sS', '--noproxy', '*', `http://${address}`)).stdout,
            'here',
          );
        });
      }
    });
  });

  test('is reached by containers as they are allowed to', async (t) => {
    const { router, container } = await openNetwork(t);
    const { lockdown } = await openHost(t, router);
    await tally(t, 'lockdown: forwarded for a container', async (attempt) => {
      for (const [choice, expected] of [
        ['allow', GIVEN],
        ['deny', REFUSED],
      ] as const) {
        await attempt(async () => {
          const said = await done(lockdown('apply', '--containers', choice));
          assert.match(said, /^containers \(veth1, veth2\): /m);
          assert.deepEqual(await ask(container, ROOT, NOBODY), [...expected, ...expected]);
          assert.deepEqual(await ask(router, ALLOWED, NOBODY), [...GIVEN, ...REFUSED]);
        });
      }
    });
  });
});
