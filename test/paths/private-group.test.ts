import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Database, hasToItself } from '../../src/paths/accounts.ts';

const PASSWD = `root:x:0:0:root:/root:/bin/sh
# a comment
alice:x:1000:1000::/home/alice:/bin/sh
bob:x:1001:1001::/home/bob:/bin/sh
carol:x:1002:1001::/home/carol:/bin/sh
dave:x:1003:1003::/home/dave:/bin/sh
`;
const GROUP = 'root:x:0:\nalice:x:1000:\nbob:x:1001:\ndave:x:1003:dave,alice\nerin:x:1004:\n';
const NSSWITCH = 'passwd: files systemd # local\ngroup: files [SUCCESS=merge] systemd\nhosts: files dns\n';

function own(uid: number, gid: number, change: Partial<Database> = {}): boolean {
  return hasToItself(uid, gid, () => ({ passwd: PASSWD, group: GROUP, nsswitch: NSSWITCH, ...change }));
}

describe('a group of one user', () => {
  test('has no other member, and is in the files', () => {
    assert.equal(own(1000, 1000), true);
    assert.equal(own(1000, 1000, { group: GROUP.replace('alice:x:1000:', 'alice:x:1000:alice') }), true);
    assert.equal(own(1001, 1001), false, 'the primary group of another');
    assert.equal(own(1003, 1003), false, 'another is listed');
    assert.equal(own(1000, 1004), true, 'not the primary group, but of nobody else');
    assert.equal(own(1000, 1005), false, 'not listed');
    assert.equal(own(1004, 1004), false, 'a user who is not listed');
    assert.equal(own(0, 0), false, 'root');
  });

  test('has others of the same number', () => {
    assert.equal(own(1000, 1000, { group: `${GROUP}other:x:1000:bob\n` }), false);
  });

  test('can be had only where the files say all', () => {
    for (const nsswitch of [
      '',
      'passwd: files\n',
      'passwd: files sss\ngroup: files\n',
      'passwd: files\ngroup: files ldap\n',
      'passwd: compat\ngroup: compat\n',
      'passwd: files\ngroup: files\ninitgroups: files sss\n',
    ]) {
      assert.equal(own(1000, 1000, { nsswitch }), false, nsswitch);
    }
    assert.equal(own(1000, 1000, { passwd: '' }), false, 'unreadable users');
    assert.equal(own(1000, 1000, { group: '' }), false, 'unreadable groups');
  });
});
