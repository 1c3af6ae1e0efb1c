import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import type { Users } from '../../src/core/contracts.ts';
import { createUsers } from '../../src/host/users.ts';
import { createCommands } from '../../src/system/commands.ts';
import { fakeHost } from '../support/fake-tool-consumer.ts';
import { limit } from '../support/limits.ts';
import { tempDir } from '../support/temp-dir.ts';

const PASSWD =
  'root:x:0:0::/root:/bin/sh\n# comment\nalice:x:1000:1005::/home/alice:/bin/sh\n77:x:1077:1077::/:/bin/sh\n';
const GROUP = 'root:x:0:\nstaff:x:50:alice\n';
const commands = createCommands();

/** Knows one user and one group of a directory service, and says nothing of others, as getent does. */
const GETENT = `case "$1 $2" in
  "passwd ldap user" | "passwd 5000") echo 'ldap user:*:5000:5001::/:/bin/sh' ;;
  "group ldap group") echo 'ldap group:*:5002:' ;;
  *) exit 2 ;;
esac`;

describe('users and groups', () => {
  test('are found by name, in the files and then in the name services', async (t) => {
    const users = usersWith(t, GETENT);
    assert.deepEqual(await users.user('alice'), { uid: 1000, gid: 1005 });
    assert.deepEqual(await users.user('ldap user'), { uid: 5000, gid: 5001 });
    assert.equal(await users.group('staff'), 50);
    assert.equal(await users.group('ldap group'), 5002);
  });

  test('a number has the primary group of its entry, else the same number', async (t) => {
    const users = usersWith(t, GETENT);
    assert.deepEqual(await users.user(1000), { uid: 1000, gid: 1005 });
    assert.deepEqual(await users.user(5000), { uid: 5000, gid: 5001 });
    assert.deepEqual(await users.user(6000), { uid: 6000, gid: 6000, isUnlisted: true });
    assert.equal(await users.group(6000), 6000);
  });

  test('digits are a name first, as for chown', async (t) => {
    const users = usersWith(t, GETENT);
    assert.deepEqual(await users.user('77'), { uid: 1077, gid: 1077 });
    assert.deepEqual(await users.user('1000'), { uid: 1000, gid: 1005 });
  });

  test('a user is in the primary group, and in those that list the user', async (t) => {
    const users = usersWith(t, GETENT);
    const asked = [
      [1000, 1005],
      [1000, 50],
      [1000, 0],
      [5000, 5001],
      [5000, 50],
      [6000, 6000],
    ] as const;
    const found = await Promise.all(asked.map(([uid, gid]) => users.isMember(uid, gid)));
    assert.deepEqual(found, [true, true, false, true, false, false]);
  });

  test('what nobody knows is undefined', async (t) => {
    const users = usersWith(t, GETENT);
    assert.equal(await users.user('mallory'), undefined);
    assert.equal(await users.group('mallory'), undefined);
  });

  test('what getent would misread is not asked', async (t) => {
    const users = usersWith(t, 'echo "evil:x:0:0::/:/bin/sh"');
    for (const name of ['', '--service=files', 'a:b', 'a\nb', 'a\0b']) {
      assert.equal(await users.user(name), undefined, JSON.stringify(name));
    }
    assert.deepEqual(await users.user('asked'), { uid: 0, gid: 0 });
  });

  test('the number that chown takes for "leave as it is" is nobody', async (t) => {
    const users = usersWith(t, 'exit 2');
    assert.equal(await users.user(0xffffffff), undefined);
    assert.equal(await users.user('4294967295'), undefined);
    assert.equal(await users.group(-1), undefined);
    assert.equal(await users.group(1.5), undefined);
  });

  test('a name service that hangs or fails is not a missing user', async (t) => {
    await assert.rejects(usersWith(t, 'exec sleep 60', 50).user('mallory'), { code: 'ETIMEDOUT' });
    await assert.rejects(usersWith(t, 'exit 3').user('mallory'), { code: 'ETIMEDOUT' });
  });

  test('a name service that hangs keeps nobody from ending', async (t) => {
    const stop = new AbortController();
    const asked = usersWith(t, 'exec sleep 60', limit(60_000), stop.signal).user('mallory');
    stop.abort();
    await assert.rejects(asked, { name: 'AbortError' });
  });

  test('a machine without getent has its files alone', async (t) => {
    const directory = tempDir(t);
    const files = { passwd: join(directory, 'none'), group: join(directory, 'none') };
    const host = { path: directory, systemd: directory, net: directory };
    assert.equal(await createUsers({ commands, files, host }).user('root'), undefined);
  });

  test('of this machine', async () => {
    assert.deepEqual(await createUsers({ commands }).user('root'), { uid: 0, gid: 0 });
  });
});

function usersWith(t: TestContext, getent: string, timeoutMs = limit(5_000), signal?: AbortSignal): Users {
  const { host, directory, install } = fakeHost(t);
  const place = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  install('getent', getent);
  const files = { passwd: place('passwd', PASSWD), group: place('group', GROUP) };
  return createUsers({ commands, host, files, timeoutMs, ...(signal && { signal }) });
}
