import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';

/**
 * The hierarchies in which systemd makes its groups: the only one of today's kernels, or the two of a mixed set-up, of
 * which systemd from 258 on takes the newer one alone.
 */
function hierarchies(isUnified: boolean): readonly string[] {
  const names = isUnified ? ['unified'] : ['systemd', 'unified'];
  const mixed = names.map((name) => join('/sys/fs/cgroup', name)).filter((path) => existsSync(path));
  return mixed.length > 0 ? mixed : ['/sys/fs/cgroup'];
}

/** Into groups of its own first, since the machine writes into the ones that it finds itself in. */
const ENTER = 'for group in $GROUPS_OF_MACHINE; do echo $$ > "$group/cgroup.procs"; done; exec "$@"';

/** One boot of a root: a process that holds a whole machine, and takes it along when it ends, however that comes. */
export class MachineProcess {
  /** The machine's process 1, by our numbers. */
  readonly leader: number;
  readonly #process: ChildProcess;
  readonly #groups: readonly string[];

  private constructor(process: ChildProcess, groups: readonly string[], leader: number) {
    this.#process = process;
    this.#groups = groups;
    this.leader = leader;
  }

  static async boot(root: string, name: string, isUnified = false): Promise<MachineProcess> {
    const groups = hierarchies(isUnified).map((path) => join(path, name));
    for (const group of groups) mkdirSync(group, { recursive: true });
    const child = spawn('sh', ['-c', ENTER, 'sh', ...command(root, isUnified)], {
      stdio: 'ignore',
      env: {
        PATH: process.env['PATH'],
        GROUPS_OF_MACHINE: groups.join(' '),
        ...(isUnified && { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1' }),
      },
    });
    const leader = await leaderOf(child).catch((error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    });
    return new MachineProcess(child, groups, leader);
  }

  /** Waits until all of it is gone. */
  async ended(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await once(this.#process, 'exit');
    for (const group of this.#groups) await removeGroup(group);
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.ended();
  }
}

/** In mounts of its own. */
const UNIFY = 'umount --recursive /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec "$@"';

/** When the first of these ends, the kernel ends the next: nothing of a machine outlives us. */
function command(root: string, isUnified: boolean): readonly string[] {
  return [
    ...['setpriv', '--pdeathsig', 'KILL'],
    ...['unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'],
    ...(isUnified ? ['sh', '-c', UNIFY, 'sh'] : []),
    ...['systemd-nspawn', '--quiet', '--register=no', '--keep-unit', '--kill-signal=SIGRTMIN+3', '--hostname=machine'],
    ...['--private-network', '--console=read-only', '--boot', '--directory', root],
  ];
}

async function leaderOf(child: ChildProcess): Promise<number> {
  let leader: number | undefined;
  await eventually('the machine has a process 1', () => {
    if (child.exitCode !== null) throw new Error(`systemd-nspawn ended with ${String(child.exitCode)}`);
    leader = childrenOf(child.pid)
      .flatMap(childrenOf)
      .find((pid) => nameOf(pid) === 'systemd');
    return leader !== undefined;
  });
  if (leader === undefined) throw new Error('no process 1');
  return leader;
}

function childrenOf(pid: number | undefined): readonly number[] {
  return (read(`/proc/${String(pid)}/task/${String(pid)}/children`).match(/\d+/g) ?? []).map(Number);
}

function nameOf(pid: number): string {
  return read(`/proc/${String(pid)}/comm`).trimEnd();
}

/** Empty for a process that is gone. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The kernel takes a moment to forget the processes that were in it. */
async function removeGroup(group: string): Promise<void> {
  await eventually(`${group} is removed`, () => {
    const inner = globSync('**/', { cwd: group }).sort().reverse();
    try {
      for (const name of [...inner, '.']) rmdirSync(join(group, name));
      return true;
    } catch {
      return !existsSync(group);
    }
  });
}
