import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { kindIn, parseMounts } from '../../src/paths/mounts.ts';

/** As the kernel writes it, with and without optional fields. */
const MOUNTINFO = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw shared:5 - proc proc rw
40 22 0:40 / /home rw - autofs systemd-1 rw,fd=29
41 40 0:41 / /home/alice rw,relatime shared:9 master:3 - nfs4 server:/home/alice rw,vers=4.2
42 22 0:42 / /mnt/a\\040b\\134c rw - fuse.sshfs me@there:/ rw,user_id=1000,group_id=1000,allow_other
43 22 0:43 / /mnt/ü rw - cifs //server/share rw
44 22 0:44 / /run rw - tmpfs tmpfs rw
45 22 0:45 / /mnt/new rw - whatever none rw
46 22 0:46 / /mnt/root rw - fuse server rw,user_id=0,group_id=0
47 22 8:2 / /mnt/stick rw - fuseblk /dev/sdb1 rw,user_id=1001,group_id=0
48 22 0:48 / /mnt/over rw - overlay none rw,lowerdir=/usr:/home/alice/lower,upperdir=/run/upper,workdir=/run/work
49 22 0:49 / /mnt/under rw - overlay none rw,lowerdir=/usr,upperdir=/run/upper
140 22 0:50 / /mnt/tail rw - xfs /dev/sdc rw
`;

describe('what a mount means', () => {
  const kind = (id: number): unknown => kindIn(MOUNTINFO, id);

  test('the known kinds answer by themselves, any other may let us wait', () => {
    for (const id of [22, 44, 49, 140]) assert.deepEqual(kind(id), { is: 'local' }, String(id));
    for (const id of [40, 41, 43, 45, 46]) assert.deepEqual(kind(id), { is: 'remote' }, String(id));
  });

  test('what a user serves is that user’s', () => {
    assert.deepEqual(kind(42), { is: 'user', uid: 1000 });
    assert.deepEqual(kind(47), { is: 'user', uid: 1001 });
  });

  test('an overlay is what its layers are', () => {
    assert.deepEqual(kind(48), { is: 'remote' });
  });

  test('a door to other processes is one, and what is not in the table is unknown', () => {
    assert.deepEqual(kind(23), { is: 'proc' });
    for (const id of [4, 14, 24, 1]) assert.deepEqual(kind(id), { is: 'unknown' }, String(id));
    assert.deepEqual(kindIn('nonsense', 22), { is: 'unknown' });
  });

  test('points are read with their blanks and letters', () => {
    const points = parseMounts(Buffer.from(MOUNTINFO).toString('latin1')).map(({ point }) => point);
    assert.deepEqual(points.slice(2, 6), ['/home', '/home/alice', '/mnt/a b\\c', '/mnt/ü']);
  });
});
