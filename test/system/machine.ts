import { execFile } from 'node:child_process';
import { copyFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { eventually } from '../support/eventually.ts';
import { limit } from '../support/limits.ts';
import { machineImage, type Image } from './machine-image.ts';
import { MachineProcess } from './machine-process.ts';
import { hasOwnMounts, tmpfs } from './mounts.ts';

export interface Done {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A Debian with systemd as process 1, in a network of its own, of which nothing stays. */
export interface Machine {
  /** Where a path of the machine is for us. */
  readonly path: (inside: string) => string;
  readonly write: (inside: string, text: string, mode?: number) => void;
  readonly read: (inside: string) => string;
  /** Copies a file of ours into a directory of the machine; gives its path there. */
  readonly copyIn: (from: string, directory: string) => string;
  readonly run: (command: readonly string[]) => Promise<Done>;
  /** Process 1, by our numbers: for who enters it in another way. */
  readonly leader: () => number;
  /** Runs a line of shell, and fails with all that it printed unless it succeeds; gives standard output, trimmed. */
  readonly sh: (script: string) => Promise<string>;
  readonly journal: (unit: string) => Promise<string>;
  /** Waits until the boot is over, and all that belongs to it is started. */
  readonly booted: () => Promise<void>;
  readonly reboot: () => Promise<void>;
}

/** Milliseconds. */
const COMMAND_LIMIT = 120_000;
const BOOT_LIMIT = 90_000;

const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LANG: 'C.UTF-8', PAGER: 'cat' };

/**
 * Boots a machine after `prepare` has put into its root what the boot shall find; ended when the test ends. Skips the
 * test where there can be none.
 */
export async function openMachine(
  t: TestContext,
  prepare: (root: Pick<Machine, 'path' | 'write' | 'copyIn'>) => void | Promise<void>,
  kind: Image = 'plain',
): Promise<Machine | undefined> {
  if (!hasOwnMounts(t)) return undefined;
  const image = await imageOrReason(kind);
  if (image.path === undefined) {
    t.skip(`no machine to boot: ${image.reason}`);
    return undefined;
  }
  // In memory: to write ten thousand small files to a disk takes longer than to boot. It goes with the machine.
  const root = tmpfs(t, 'mode=0755');
  // systemd from 258 on boots in no mixed set-up of control groups.
  const machine = new NspawnMachine(root, { name: basename(root), isUnified: kind === 'sid' });
  t.after(() => machine.end());
  await promisify(execFile)('tar', ['--extract', '--zstd', '--file', image.path, '--directory', machine.path('/')]);
  await prepare(machine);
  await machine.boot();
  return machine;
}

async function imageOrReason(kind: Image): Promise<{ readonly path?: string; readonly reason: string }> {
  try {
    return { path: await machineImage(kind), reason: '' };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

class NspawnMachine implements Machine {
  readonly #root: string;
  readonly #name: string;
  readonly #isUnified: boolean;
  #process: MachineProcess | undefined;

  constructor(root: string, { name, isUnified }: { name: string; isUnified: boolean }) {
    this.#root = root;
    this.#name = name;
    this.#isUnified = isUnified;
  }

  readonly path = (inside: string): string => join(this.#root, inside);

  readonly write = (inside: string, text: string, mode = 0o644): void => {
    mkdirSync(dirname(this.path(inside)), { recursive: true });
    writeFileSync(this.path(inside), text);
    chmodSync(this.path(inside), mode);
  };

  readonly read = (inside: string): string => readFileSync(this.path(inside), 'utf8');

  readonly copyIn = (from: string, directory: string): string => {
    mkdirSync(this.path(directory), { recursive: true });
    const inside = join(directory, basename(from));
    copyFileSync(from, this.path(inside));
    return inside;
  };

  readonly leader = (): number => {
    if (this.#process === undefined) throw new Error('the machine is not running');
    return this.#process.leader;
  };

  readonly run = (command: readonly string[]): Promise<Done> =>
    new Promise((resolve, reject) => {
      const enter = ['--target', String(this.leader()), '--all', '--', ...command];
      const options = { env: ENVIRONMENT, timeout: limit(COMMAND_LIMIT), maxBuffer: 64_000_000 };
      execFile('nsenter', enter, options, (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') reject(new Error(`${command.join(' ')}: ${error.message}`));
        else resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
      });
    });

  readonly sh = async (script: string): Promise<string> => {
    const { code, stdout, stderr } = await this.run(['sh', '-euc', script]);
    if (code !== 0) throw new Error(`${script}: ended with ${String(code)}\n${stdout}${stderr}`);
    return stdout.trim();
  };

  readonly journal = (unit: string): Promise<string> =>
    this.sh(`journalctl --no-pager --output=short-precise --unit=${unit}`);

  readonly booted = async (): Promise<void> => {
    // While process 1 is being set up there is nobody to ask.
    const states = /^(running|degraded)$/;
    await eventually(
      'the boot is over',
      async () => states.test((await this.run(['systemctl', 'is-system-running'])).stdout.trim()),
      BOOT_LIMIT,
    );
  };

  readonly reboot = async (): Promise<void> => {
    await this.run(['systemctl', 'poweroff']);
    await this.#process?.ended();
    await this.boot();
  };

  async boot(): Promise<void> {
    this.#process = await MachineProcess.boot(this.#root, this.#name, this.#isUnified);
    await eventually(
      'systemd answers',
      async () => (await this.run(['systemctl', 'list-jobs'])).code === 0,
      BOOT_LIMIT,
    );
  }

  async end(): Promise<void> {
    await this.#process?.kill();
    this.#process = undefined;
  }
}
