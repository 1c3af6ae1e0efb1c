import { openSync, readFileSync, readSync } from 'node:fs';
import { attempt, onErrno, errnoError } from '../core/errors.ts';
import { closedAtEnd } from './descriptor.ts';

/**
 * File systems that answer by themselves. Any other may be a server, or a user's program, that lets us wait for ever.
 */
const LOCAL: ReadonlySet<string> = new Set([
  ...['bcachefs', 'btrfs', 'erofs', 'exfat', 'ext2', 'ext3', 'ext4', 'f2fs', 'iso9660', 'jfs', 'msdos', 'ntfs3'],
  ...['overlay', 'reiserfs', 'squashfs', 'udf', 'vfat', 'xfs', 'zfs'],
  ...['bpf', 'cgroup', 'cgroup2', 'configfs', 'debugfs', 'devpts', 'devtmpfs', 'efivarfs', 'fusectl', 'hugetlbfs'],
  ...['mqueue', 'nsfs', 'proc', 'pstore', 'ramfs', 'rootfs', 'securityfs', 'selinuxfs', 'sysfs', 'tmpfs', 'tracefs'],
]);

export interface Mount {
  readonly device: string;
  /** The directory of the file system that is to be seen at the point. */
  readonly root: string;
  readonly point: string;
  /** Of this mount, and of its file system. */
  readonly options: string;
  readonly type: string;
}

/** The meaning of a mount for a walk that reaches it. */
export type MountKind =
  | { readonly is: 'local' }
  /** May let us wait: a server, or a program. */
  | { readonly is: 'remote' }
  /** Served by a program of this user, whatever ownership it shows. */
  | { readonly is: 'user'; readonly uid: number }
  /** A door to the files of other processes. */
  | { readonly is: 'proc' }
  | { readonly is: 'unknown' };

/** Asked when a descriptor is open on it, which holds the mount and with it the number. */
export function kindOfMount(id: number): MountKind {
  return attempt(() => kindIn(readTable('self'), id), { is: 'unknown' } as const);
}

/**
 * Whether file systems are mounted at a path on demand. A lookup waits while another request is under way,
 * however it is opened: it has to be known before. Only root mounts these, so the path is enough.
 */
export function isAutomount(path: string): boolean {
  return automounts().has(path);
}

/** For as long as nobody else has a turn: a pass walks many ways. */
let known: ReadonlySet<string> | undefined;

function automounts(): ReadonlySet<string> {
  if (known) return known;
  setImmediate(() => (known = undefined)).unref();
  const lines = readTable('self').split('\n');
  const mounts = parseMounts(lines.filter((line) => line.includes(' - autofs ')).join('\n'));
  return (known = new Set(mounts.map(({ point }) => point)));
}

export function kindIn(mountinfo: string, id: number): MountKind {
  const [mount] = parseMounts(lineOf(mountinfo, id));
  if (!mount) return { is: 'unknown' };
  const { type } = mount;
  if (type === 'proc') return { is: 'proc' };
  if (/^fuse(blk)?(\.|$)/.test(type)) {
    const uid = Number(/(?:^|,)user_id=(\d+)/.exec(mount.options)?.[1] ?? 0);
    return uid === 0 ? { is: 'remote' } : { is: 'user', uid };
  }
  if (!LOCAL.has(type)) return { is: 'remote' };
  const isRemote = (layer: Mount): boolean => !LOCAL.has(layer.type);
  return type === 'overlay' && layersOf(mount, parseMounts(mountinfo)).some(isRemote)
    ? { is: 'remote' }
    : { is: 'local' };
}

/** Of a thousand lines one is wanted. */
function lineOf(mountinfo: string, id: number): string {
  const start = `\n${mountinfo}`.indexOf(`\n${id} `);
  return start < 0 ? '' : mountinfo.slice(start, mountinfo.indexOf('\n', start));
}

/** Where the layers of an overlay lie, as far as they have names here. */
function layersOf({ options }: Mount, table: readonly Mount[]): readonly Mount[] {
  const mountOf = mountsByPath(table);
  const paths = [...options.matchAll(/(?:lowerdir|lowerdir\+|datadir\+|upperdir)=((?:\\.|[^,\\])*)/g)].flatMap(
    ([, list = '']) => list.split(':'),
  );
  return paths.filter((path) => path.startsWith('/')).flatMap((path) => mountOf(path) ?? []);
}

const FDINFO = Buffer.alloc(1024);

/**
 * The mount that an open descriptor is on: the kernel says it without asking the file system. Throws ENOENT where /proc
 * is missing.
 */
export function mountIdOf(fd: number): number {
  using info = closedAtEnd(openSync(`/proc/self/fdinfo/${fd}`, 'r'));
  const length = readSync(info.fd, FDINFO, 0, FDINFO.length, 0);
  const [, id] = /^mnt_id:\s*(\d+)$/m.exec(FDINFO.toString('latin1', 0, length)) ?? [];
  if (id === undefined) throw errnoError('ENOSYS', 'read');
  return Number(id);
}

/** Throws errno errors. */
export function readMounts(process: 'self' | number = 'self'): readonly Mount[] {
  return parseMounts(readTable(process));
}

function readTable(process: 'self' | number): string {
  return readFileSync(`/proc/${process}/mountinfo`, 'latin1');
}

/** Of several mounts at one point the last one counts, and of several points on the way the longest. */
export function mountsByPath(table: readonly Mount[]): (path: string) => Mount | undefined {
  const mounts = new Map(table.map((mount) => [mount.point === '/' ? '/' : `${mount.point}/`, mount]));
  const points = [...mounts.keys()].sort((a, b) => b.length - a.length);
  return (path) => mounts.get(points.find((point) => `${path}/`.startsWith(point)) ?? '');
}

/** `36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root ro`: the mount point is the fifth field. */
const MOUNT = /^\d+ \S+ (\S+) (\S+) (\S+) (\S+) (?:.*? )??- (\S+) \S* ?(\S*)$/;

export function parseMounts(mountinfo: string): readonly Mount[] {
  return mountinfo.split('\n').flatMap((line) => {
    const found = MOUNT.exec(line);
    if (!found) return [];
    const [, device = '', root = '', point = '', options = '', type = '', whole = ''] = found;
    return [{ device, root: unescape(root), point: unescape(point), options: `${options},${unescape(whole)}`, type }];
  });
}

/** The kernel writes blanks, tabs, newlines and backslashes in octal. */
function unescape(point: string): string {
  const bytes = point.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return Buffer.from(bytes, 'latin1').toString();
}

/** File systems that record a first read in the access time, to the second or finer, unless mounted noatime or ro. */
const WITNESSES: ReadonlySet<string> = new Set([
  ...['bcachefs', 'btrfs', 'ext2', 'ext3', 'ext4', 'f2fs', 'jfs', 'overlay', 'ramfs', 'tmpfs', 'xfs', 'zfs'],
]);

/** Whether the access times of files on a mount would show that they were read. */
export function accessTimesShow(mountId: number): boolean {
  return attempt(() => keepsAccessTimes(parseMounts(lineOf(readTable('self'), mountId))[0]), false);
}

/**
 * Whether a process that reads one of these files moves its access time. Its own view counts: in a container, or a
 * unit with ProtectSystem=, the same file may be below a mount that is read-only, where a read leaves no trace.
 * Undefined when it has ended, or may not be looked at.
 */
export function readsShow(pid: number, paths: readonly string[]): boolean | undefined {
  return onErrno([], undefined, () => showsReads(readMounts(), readMounts(pid), paths));
}

export function showsReads(ours: readonly Mount[], theirs: readonly Mount[], paths: readonly string[]): boolean {
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
