import { existsSync } from 'node:fs';
import type { CommandOptions, CommandResult, Commands, UserIds } from '../core/contracts.ts';

export interface HostDeps {
  readonly commands: Commands;
  /** Unset: as on every host. */
  readonly host?: Host;
}

export interface Host {
  /** PATH of the tools: ours is whatever whoever started us made it. */
  readonly path: string;
  /** Exists where systemd is the service manager. */
  readonly systemd: string;
  /** The kernel's tables of our network namespace. */
  readonly net: string;
}

const HOST: Host = { path: '/usr/sbin:/usr/bin:/sbin:/bin', systemd: '/run/systemd/system', net: '/proc/net' };

export function hostOf({ host = HOST }: HostDeps): Host {
  return host;
}

export function hasSystemd(deps: HostDeps): boolean {
  return existsSync(hostOf(deps).systemd);
}

export interface ToolOptions extends Omit<CommandOptions, 'env'> {
  /** Beside PATH and LC_ALL. */
  readonly env?: CommandOptions['env'];
}

/** Runs one of the host's tools, whose messages are then in English. Rejects as {@link Commands.run} does. */
export function runTool(deps: HostDeps, command: readonly string[], options: ToolOptions): Promise<CommandResult> {
  return deps.commands.run(command, { ...options, env: { ...options.env, PATH: hostOf(deps).path, LC_ALL: 'C' } });
}

/** The properties of a unit as `systemctl show` prints them; of repeated ones, all values. */
export type Shown = ReadonlyMap<string, readonly string[]>;

export interface SystemctlOptions extends Pick<ToolOptions, 'timeoutMs' | 'signal' | 'keep'> {
  /** The manager of this user's services, who is asked with that user's rights; unset: the system's. */
  readonly manager?: UserIds | undefined;
}

/** Asks nobody for a password, and shows its output to nobody. Rejects as {@link runTool} does. */
export async function systemctl(
  deps: HostDeps,
  args: readonly string[],
  { manager, ...options }: SystemctlOptions,
): Promise<CommandResult> {
  const command = ['systemctl', '--no-ask-password', '--no-pager'];
  if (!manager) return await runTool(deps, [...command, ...args], options);
  const as = manager.uid === process.geteuid?.() ? {} : { ids: manager };
  const env = { XDG_RUNTIME_DIR: `/run/user/${manager.uid}` };
  return await runTool(deps, [...command, '--user', ...args], { ...options, ...as, env });
}

const TIMEOUT_MS = 20_000;
/** An environment can be long. It may hold secrets, so nothing of what systemctl prints is shown as it is. */
const KEEP = 262_144;

/** Properties of a unit; those that its type does not have are missing. */
export async function showUnit(
  deps: HostDeps,
  unit: string,
  properties: readonly string[],
  options: Pick<SystemctlOptions, 'signal' | 'manager'>,
): Promise<CommandResult & { readonly shown: Shown }> {
  const args = ['show', `--property=${properties.join()}`, '--', unit];
  const result = await systemctl(deps, args, { timeoutMs: TIMEOUT_MS, ...options, keep: KEEP });
  return { ...result, shown: parse(result.output) };
}

function parse(output: string): Shown {
  const shown = new Map<string, string[]>();
  for (const line of output.split('\n')) {
    const at = line.indexOf('=');
    if (at < 0) continue;
    const name = line.slice(0, at);
    shown.set(name, [...(shown.get(name) ?? []), line.slice(at + 1)]);
  }
  return shown;
}

export function textOf(shown: Shown, name: string): string {
  return shown.get(name)?.join(' ') ?? '';
}
