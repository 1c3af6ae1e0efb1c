import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readRemoteMounts, remoteMounts } from '../../src/sinks/mounts.ts';

/** As the kernel writes it, with and without optional fields. */
const MOUNTINFO = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw shared:5 - proc proc rw
40 22 0:40 / /home rw - autofs systemd-1 rw,fd=29
41 40 0:41 / /home/alice rw,relatime shared:9 master:3 - nfs4 server:/home/alice rw,vers=4.2
42 22 0:42 / /mnt/a\\040b\\134c rw - fuse.sshfs me@there:/ rw
43 22 0:43 / /mnt/ü rw - cifs //server/share rw
44 22 0:44 / /run rw - tmpfs tmpfs rw
45 22 0:45 / /mnt/new rw - whatever none rw
`;

describe('file systems that may let us wait', () => {
  test('are all but the known ones, by their mount points', () => {
    const text = Buffer.from(MOUNTINFO).toString('latin1');
    const expected = ['/home', '/home/alice', '/mnt/a b\\c', '/mnt/ü', '/mnt/new'];
    assert.deepEqual([...remoteMounts(text)], expected);
  });

  test('are not the ones that every machine has', () => {
    const mounts = readRemoteMounts();
    for (const path of ['/proc', '/sys', '/dev']) assert.ok(!mounts.has(path), path);
  });
});
