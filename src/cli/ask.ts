import type { Config } from '../core/config.ts';
import { AgentError } from '../core/errors.ts';
import type { StatusReport } from '../report/report.ts';
import { askControl, type ControlRequest } from '../rotation/control.ts';
import { runtimeDirectory } from './own.ts';
import type { World } from './world.ts';

/** Asks the running agent for a pass. Rejects with AGENT_ABSENT when none answers. */
export async function askAgent(world: World, request: Omit<ControlRequest, 'command'>): Promise<StatusReport> {
  const report = await askControl(runtimeDirectory(world), { command: 'refresh', ...request }, world.stop);
  if ('version' in report && report.version === 2) return report as StatusReport;
  throw new AgentError('AGENT_ABSENT', 'the agent that answers is of another version of credrotate', {
    hint: 'restart it: systemctl restart credrotate',
  });
}

/** The same, for somebody who wants the sinks of this configuration to be up to date: the agent must know them. */
export async function askForSinks(
  world: World,
  config: Config,
  request: Omit<ControlRequest, 'command'>,
): Promise<StatusReport> {
  const report = await askAgent(world, request);
  const known = new Set(report.sinks.map((sink) => sink.path));
  const unknown = config.sinks.filter((sink) => !known.has(sink.path)).map((sink) => sink.path);
  if (known.size > 0 && unknown.length > 0) {
    throw new AgentError('CONFIG_INVALID', `the running agent does not keep ${unknown.join(', ')}`, {
      hint: 'add it to the configuration of the agent and reload it (systemctl reload credrotate)',
    });
  }
  return report;
}
