import { readFileSync } from 'node:fs';

/** File systems that answer by themselves. Any other may be a server, or a user's program, that lets us wait for ever. */
const LOCAL: ReadonlySet<string> = new Set([
  ...['bcachefs', 'btrfs', 'erofs', 'exfat', 'ext2', 'ext3', 'ext4', 'f2fs', 'iso9660', 'jfs', 'msdos', 'ntfs3'],
  ...['overlay', 'reiserfs', 'squashfs', 'udf', 'vfat', 'xfs', 'zfs'],
  ...['bpf', 'cgroup', 'cgroup2', 'configfs', 'debugfs', 'devpts', 'devtmpfs', 'efivarfs', 'fusectl', 'hugetlbfs'],
  ...['mqueue', 'nsfs', 'proc', 'pstore', 'ramfs', 'rootfs', 'securityfs', 'selinuxfs', 'sysfs', 'tmpfs', 'tracefs'],
]);

/** Where file systems are mounted that may let us wait. The kernel tells it without asking them. */
export function readRemoteMounts(): ReadonlySet<string> {
  try {
    return remoteMounts(readFileSync('/proc/self/mountinfo', 'latin1'));
  } catch {
    return new Set();
  }
}

/** `36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw`: the mount point is the fifth field. */
export function remoteMounts(mountinfo: string): ReadonlySet<string> {
  const points = mountinfo.split('\n').flatMap((line) => {
    const [, point, type] = /^(?:\S+ ){4}(\S+) .*? - (\S+) /.exec(line) ?? [];
    return point === undefined || type === undefined || LOCAL.has(type) ? [] : [unescape(point)];
  });
  return new Set(points);
}

/** The kernel writes blanks, tabs, newlines and backslashes in octal. */
function unescape(point: string): string {
  const bytes = point.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
