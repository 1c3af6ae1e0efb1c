import { isErrno } from '../core/errors.ts';
import { mountsByPath, readMount, readMounts, type Mount } from './mounts.ts';

/** Those that note each first read in the access time, to the second or finer, unless they are mounted with noatime or read-only. */
const WITNESSES: ReadonlySet<string> = new Set([
  ...['bcachefs', 'btrfs', 'ext2', 'ext3', 'ext4', 'f2fs', 'jfs', 'overlay', 'ramfs', 'tmpfs', 'xfs', 'zfs'],
]);

/** Whether the access times of files on a mount would show that they were read. */
export function accessTimesShow(mountId: number): boolean {
  try {
    return keepsAccessTimes(readMount(mountId));
  } catch {
    return false;
  }
}

/**
 * Whether a process that reads one of these files moves its access time. Its own view counts: in a container, or a
 * unit with ProtectSystem=, the same file may be below a mount that is read-only, where a read leaves no trace.
 * Undefined when it has ended, or may not be looked at.
 */
export function readsShow(pid: number, paths: readonly string[]): boolean | undefined {
  try {
    return showsReads(readMounts(), readMounts(pid), paths);
  } catch (error) {
    if (isErrno(error)) return undefined;
    throw error;
  }
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
