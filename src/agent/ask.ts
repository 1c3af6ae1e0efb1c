import type { Config } from '../core/config.ts';
import { AgentError } from '../core/errors.ts';
import { idOf, sinkId } from '../core/sink-id.ts';
import { hostOf } from '../report/judge.ts';
import type { StatusReport } from '../report/report.ts';
import type { Report } from '../report/schema.ts';
import { askControl, type ControlRequest } from './control.ts';
import { lookAtFacts } from './facts.ts';
import { readStatus, runtimeDirectory } from './published.ts';
import type { World } from './world.ts';

/** Asks the running agent for a pass. Rejects with AGENT_ABSENT when no agent answers. */
export async function askAgent(world: World, request: Omit<ControlRequest, 'command'>): Promise<StatusReport> {
  const report = await askSocket(world, { command: 'refresh', ...request });
  if ('version' in report && report.version === 2) return report as StatusReport;
  throw new AgentError('AGENT_ABSENT', 'the agent that answers is of another version of credrotate', {
    hint: 'restart it: systemctl restart credrotate',
  });
}

/** The result that notifying these consumers would have. Rejects with AGENT_ABSENT when no agent answers. */
export async function askDryRun(
  world: World,
  request: Omit<ControlRequest, 'command'>,
): Promise<Required<Pick<Report, 'consumers'>>> {
  return (await askSocket(world, { command: 'dry-run', ...request })) as Required<Pick<Report, 'consumers'>>;
}

async function askSocket(world: World, request: ControlRequest): Promise<object> {
  return await askControl(runtimeDirectory(world), request, world.stop).catch(async (error: unknown) => {
    throw await withStep(world, error);
  });
}

/** Adds to AGENT_ABSENT the command that makes a pass on this host. Starting the agent would end a timer. */
async function withStep(world: World, error: unknown): Promise<unknown> {
  if (!(error instanceof AgentError) || error.code !== 'AGENT_ABSENT') return error;
  const own =
    world.uid === 0 ? '' : ` (uid ${world.uid} has asked for its own; for the host's: sudo credrotate refresh)`;
  try {
    const { status, directories } = readStatus(world);
    const facts = await lookAtFacts(world, status, directories.runtime);
    const { pass, start } = hostOf(facts);
    const hint =
      status.agent.mode === 'once' ? `have a one-shot make it: ${pass}` : `${start.text}: ${start.line ?? ''}`;
    return new AgentError('AGENT_ABSENT', error.message + own, { hint, cause: error });
  } catch {
    return own === ''
      ? error
      : new AgentError('AGENT_ABSENT', error.message + own, { hint: error.hint ?? 'start one' });
  }
}

/** Asks for a pass that brings the sinks of this configuration up to date: the agent must know them. */
export async function askForSinks(
  world: World,
  config: Config,
  request: Omit<ControlRequest, 'command'>,
): Promise<StatusReport> {
  const report = await askAgent(world, request);
  const known = new Set(report.sinks.map(sinkId));
  const unknown = config.sinks.map(idOf).filter((id) => !known.has(id));
  if (known.size > 0 && unknown.length > 0) {
    throw new AgentError('CONFIG_INVALID', `the running agent does not keep ${unknown.join(', ')}`, {
      hint: 'add it to the configuration of the agent and reload it (systemctl reload credrotate)',
    });
  }
  return report;
}
