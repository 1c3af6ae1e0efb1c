import type { Config } from '../core/config.ts';
import { AgentError } from '../core/errors.ts';
import type { PassReport } from '../core/outcomes.ts';
import { askControl } from '../rotation/control.ts';
import { runtimeDirectory } from './own.ts';
import type { World } from './world.ts';

export interface Ask {
  /** What the asker wants to be fresh; the agent must know these sinks. */
  readonly config: Config;
  readonly notifyAll: boolean;
  readonly acceptedBy?: number;
}

/** Asks the agent that holds the lock for a pass. */
export async function askRunningAgent(world: World, { config, ...asked }: Ask): Promise<PassReport> {
  const report = await askControl(runtimeDirectory(world), { command: 'refresh', ...asked }, world.stop);
  const known = new Set(report.sinks.map((sink) => sink.path));
  const unknown = config.sinks.filter((sink) => !known.has(sink.path)).map((sink) => sink.path);
  if (known.size > 0 && unknown.length > 0) {
    throw new AgentError('CONFIG_INVALID', `the running agent does not keep ${unknown.join(', ')}`, {
      hint: 'add it to the configuration of the agent and reload it (systemctl reload credrotate)',
    });
  }
  return report;
}
