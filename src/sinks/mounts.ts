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

export function remoteMounts(mountinfo: string): ReadonlySet<string> {
  return new Set(parse(mountinfo).flatMap(({ point, type }) => (LOCAL.has(type) ? [] : [point])));
}

/** Everything that something is mounted on. */
export function mountPoints(mountinfo: string): ReadonlySet<string> {
  return new Set(parse(mountinfo).map(({ point }) => point));
}

/** Those that note each first read in the access time, to the second or finer, unless they are mounted with noatime or read-only. */
const WITNESSES: ReadonlySet<string> = new Set([
  ...['bcachefs', 'btrfs', 'ext2', 'ext3', 'ext4', 'f2fs', 'jfs', 'overlay', 'ramfs', 'tmpfs', 'xfs', 'zfs'],
]);

/** Whether the access time of a file, by its path without symlinks, would show that it was read. */
export function readAccessTimes(): (path: string) => boolean {
  try {
    return accessTimes(readFileSync('/proc/self/mountinfo', 'latin1'));
  } catch {
    return () => false;
  }
}

export function accessTimes(mountinfo: string): (path: string) => boolean {
  const mountOf = mountsByPath(mountinfo);
  return (path) => keepsAccessTimes(mountOf(path));
}

/**
 * Whether a process that reads one of these files moves its access time. Its own view counts: in a container, or a
 * unit with ProtectSystem=, the same file may be below a mount that is read-only, where a read leaves no trace.
 * Undefined when it has ended, or may not be looked at.
 */
export function readsShow(pid: number, paths: readonly string[]): boolean | undefined {
  try {
    const [ours, theirs] = ['self', pid].map((process) => readFileSync(`/proc/${process}/mountinfo`, 'latin1'));
    return showsReads(ours ?? '', theirs ?? '', paths);
  } catch {
    return undefined;
  }
}

export function showsReads(ours: string, theirs: string, paths: readonly string[]): boolean {
  const [own, other] = [mountsByPath(ours), mountsByPath(theirs)];
  return paths.every((path) => {
    const mount = other(path);
    // On another file system there is another file by that path.
    return mount?.device === own(path)?.device && keepsAccessTimes(mount);
  });
}

function keepsAccessTimes(mount: Mount | undefined): boolean {
  if (mount === undefined || !WITNESSES.has(mount.type)) return false;
  const options = mount.options.split(',');
  return !options.includes('noatime') && !options.includes('ro');
}

/** Of several mounts at one point the last one counts, and of several points on the way the longest. */
function mountsByPath(mountinfo: string): (path: string) => Mount | undefined {
  const mounts = new Map(parse(mountinfo).map((mount) => [mount.point === '/' ? '/' : `${mount.point}/`, mount]));
  const points = [...mounts.keys()].sort((a, b) => b.length - a.length);
  return (path) => mounts.get(points.find((point) => path.startsWith(point)) ?? '');
}

interface Mount {
  readonly device: string;
  readonly point: string;
  /** Of this mount, and of its file system. */
  readonly options: string;
  readonly type: string;
}

/** `36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root ro`: the mount point is the fifth field. */
const MOUNT = /^(?:\S+ ){2}(\S+) \S+ (\S+) (\S+) (?:.*? )??- (\S+) \S* ?(\S*)$/;

function parse(mountinfo: string): readonly Mount[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [, device, point, options, type, whole] = MOUNT.exec(line) ?? [];
    if (device === undefined || point === undefined || type === undefined) return [];
    return [{ device, point: unescape(point), options: `${options},${whole}`, type }];
  });
}

/** The kernel writes blanks, tabs, newlines and backslashes in octal. */
function unescape(point: string): string {
  const bytes = point.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
