import type { CommandResult, UserIds } from '../core/contracts.ts';
import type { Host, NotifyDeps } from './contract.ts';

const HOST: Host = { path: '/usr/bin:/bin', systemd: '/run/systemd/system' };

export function hostOf(deps: NotifyDeps): Host {
  return deps.host ?? HOST;
}

export interface ToolOptions {
  readonly timeout: number;
  readonly signal: AbortSignal;
  /** Unset: as the agent. */
  readonly ids?: UserIds;
}

/** Runs one of the host's tools, whose messages are then in English. */
export function runTool(deps: NotifyDeps, command: readonly string[], options: ToolOptions): Promise<CommandResult> {
  return deps.commands.run(command, { ...options, env: { PATH: hostOf(deps).path, LC_ALL: 'C' } });
}
