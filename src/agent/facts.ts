import { existsSync } from 'node:fs';
import { lookOnDisk } from '../config/load.ts';
import type { BootTime } from '../core/contracts.ts';
import { SYSTEM_DIRECTORIES } from '../core/directories.ts';
import { showUnit, textOf, type Shown, hasSystemd } from '../host/tool.ts';
import { bootIdSeenBy, readProcess } from '../notify/proc.ts';
import type { StatusFacts } from '../report/judge.ts';
import { judgeKeeper, type Sight, type TimerSight } from '../report/keeper.ts';
import type { StatusReport } from '../report/report.ts';
import type { AgentStatus, OnDisk, Status } from '../report/schema.ts';
import type { Services, World } from './world.ts';

/** The status in `runtime`, with the present state of the agent and of the configuration. */
export async function lookAtFacts(world: World, status: Status, runtime: string): Promise<StatusFacts> {
  const services = await world.services();
  const sight = await lookAtNextPass(world, status.agent, runtime);
  return {
    status,
    keeper: judgeKeeper(status, sight, services.clock.now()),
    onDisk: await lookAtConfiguration(world, status),
    hasUnits: hasUnits(services, runtime),
  };
}

/** The configuration on disk, as the agent saw it if we may see less. */
export async function lookAtConfiguration(world: World, { configuration }: Status): Promise<OnDisk | undefined> {
  if (!configuration) return undefined;
  const services = await world.services();
  const seen = lookOnDisk(configuration, { ...services, uid: world.uid });
  return seen.state === 'unknown' ? configuration.onDisk : seen;
}

export async function factsOf(world: World, report: StatusReport): Promise<StatusFacts> {
  const units = hasUnits(await world.services(), world.directories.runtime);
  return { status: report, keeper: report.nextPass, onDisk: report.configuration?.onDisk, hasUnits: units };
}

/** Whether systemd starts the agent of this runtime directory. */
export function hasUnits(services: Services, runtime: string): boolean {
  return runtime === SYSTEM_DIRECTORIES.runtime && hasSystemd(services);
}

/** Looks for what may make the next pass of the agent whose status is in `runtime`. */
export async function lookAtNextPass(world: World, agent: AgentStatus, runtime: string): Promise<Sight> {
  const services = await world.services();
  const process = lookAtProcess(agent, services.readBootTime());
  const isRunning = agent.mode === 'run' && process === 'alive' && agent.stoppedAt === undefined;
  // With --every, the period counts, and not our timer.
  if (isRunning || agent.every !== undefined || !hasUnits(services, runtime)) return { process };
  return { process, timer: await lookAtTimer(world) };
}

/** By pid, start and boot: a number alone may be somebody else's by now. */
export function lookAtProcess({ pid, startTime, bootId }: AgentStatus, now: BootTime): Sight['process'] {
  try {
    const found = readProcess(pid);
    if (found && found.isAlive && !found.isThread && found.startedAt === startTime)
      return bootId === now.bootId || bootId === bootIdSeenBy(found) ? 'alive' : 'gone';
    return found || bootId !== now.bootId || existsSync('/proc/1/stat') ? 'gone' : 'hidden';
  } catch {
    return 'hidden';
  }
}

const TIMER = 'credrotate.timer';
const PROPERTIES = [
  'ActiveState',
  'SubState',
  'NextElapseUSecRealtime',
  'NextElapseUSecMonotonic',
  'LastTriggerUSecMonotonic',
];

async function lookAtTimer(world: World): Promise<TimerSight> {
  const services = await world.services();
  const result = await showUnit(services, TIMER, PROPERTIES, { signal: world.stop }).catch(() => undefined);
  if (result?.exitCode !== 0) return { state: 'unknown' };
  return readTimer(result.shown, services.clock.now(), Number(process.hrtime.bigint() / 1_000_000n));
}

/** `now`: epoch milliseconds; `uptime`: the same moment by the monotonic clock. */
export function readTimer(shown: Shown, now: number, uptime: number): TimerSight {
  const booted = now - uptime;
  const state = textOf(shown, 'SubState');
  if (textOf(shown, 'ActiveState') !== 'active' || (state !== 'waiting' && state !== 'running'))
    return { state: 'inactive' };
  const elapses = [
    Date.parse(textOf(shown, 'NextElapseUSecRealtime').replace(/^\w+ /, '')),
    booted + readTimespan(textOf(shown, 'NextElapseUSecMonotonic')),
  ].filter((at) => at >= now);
  const lastTrigger = booted + readTimespan(textOf(shown, 'LastTriggerUSecMonotonic'));
  return {
    state,
    ...(elapses.length > 0 && { next: Math.min(...elapses) }),
    ...(!Number.isNaN(lastTrigger) && { lastTrigger }),
  };
}

const UNITS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  month: 2_629_800_000,
  y: 31_557_600_000,
};

/** Milliseconds of `1h 12min 5.25s`, as systemd writes it; NaN for anything else, such as `infinity`. */
function readTimespan(text: string): number {
  const parts = text.split(' ').map((part) => /^([\d.]+)([a-z]+)$/.exec(part));
  return parts.reduce((sum, part) => sum + Number(part?.[1]) * (UNITS[part?.[2] ?? ''] ?? NaN), 0);
}
