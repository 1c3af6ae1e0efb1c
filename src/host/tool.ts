import { existsSync } from 'node:fs';
import type { CommandResult, Commands, UserIds } from '../core/contracts.ts';

/** Runs the tools of this machine. */
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

export interface ToolOptions {
  /** Milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
  /** Unset: as the agent. */
  readonly ids?: UserIds;
  /** Beside PATH and LC_ALL. */
  readonly env?: Readonly<Record<string, string>>;
  /** Bytes of each stream that are kept, from the end; 4 KiB where left out. */
  readonly keep?: number;
}

/** Runs one of the host's tools, whose messages are then in English. Rejects as {@link Commands.run} does. */
export function runTool(deps: HostDeps, command: readonly string[], options: ToolOptions): Promise<CommandResult> {
  return deps.commands.run(command, { ...options, env: { ...options.env, PATH: hostOf(deps).path, LC_ALL: 'C' } });
}
