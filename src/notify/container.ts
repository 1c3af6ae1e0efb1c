import { openFile } from '../paths/policies.ts';
import { mountsByPath, readMounts, type Mount } from '../paths/mounts.ts';
import { AgentError } from '../core/errors.ts';
import { allPids, readProcess } from './proc.ts';

/**
 * A pid file that a program in a container wrote has its number there; here it is another process's. Throws
 * CONSUMER_NOT_MEANT if a process that has this number in a PID namespace of its own sees this very file.
 */
export function refuseContainers(path: string, number: number): void {
  const insiders = allPids().filter((pid) => {
    const { numbers = [] } = readProcess(pid) ?? {};
    return numbers.length > 1 && numbers.at(-1) === number;
  });
  const place = insiders.length === 0 ? undefined : placeOf(path);
  const meant = place && insiders.find((pid) => sees(pid, place));
  if (meant === undefined) return;
  throw new AgentError(
    'CONSUMER_NOT_MEANT',
    `${path}: expected the id of the consumer's process, got ${number}, the number that pid ${meant} has in its container`,
    { hint: 'name the program as well: process: {exe, user}; or have the container restarted (type: exec)' },
  );
}

/** A file, whatever is mounted where. */
interface Place {
  readonly device: string;
  /** From the root of its file system. */
  readonly path: string;
}

function placeOf(path: string): Place | undefined {
  using found = openFile('pid_file', path, { uid: process.geteuid?.() ?? 0 });
  const real = found.kind === 'file' ? found.held.path : path;
  const mount = mountsByPath(readMounts())(real);
  return mount && { device: mount.device, path: join(mount.root, real.slice(mount.point.length)) };
}

function sees(pid: number, { device, path }: Place): boolean {
  const mounts = tableOf(pid);
  const mountOf = mountsByPath(mounts);
  return mounts.some((mount) => {
    if (mount.device !== device || !`${path}/`.startsWith(`${mount.root === '/' ? '' : mount.root}/`)) return false;
    const inside = join(mount.point, path.slice(mount.root === '/' ? 0 : mount.root.length));
    return mountOf(inside) === mount;
  });
}

function join(start: string, rest: string): string {
  return `${start === '/' ? '' : start}/${rest.replace(/^\//, '')}`;
}

/** Empty when it has ended. */
function tableOf(pid: number): readonly Mount[] {
  try {
    return readMounts(pid);
  } catch {
    return [];
  }
}
