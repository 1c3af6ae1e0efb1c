import type { NextPass, Status } from './schema.ts';
import { timestamp } from './text.ts';

/** The present state of the processes that may make the next pass. */
export interface Sight {
  /** The process that wrote the status; `hidden`: /proc does not show us the processes of others. */
  readonly process: 'alive' | 'gone' | 'hidden';
  /** Our timer; undefined where there is none, or where this status is not of the unit that it starts. */
  readonly timer?: TimerSight;
}

export interface TimerSight {
  /** `unknown`: systemd gives no answer. */
  readonly state: 'waiting' | 'running' | 'inactive' | 'unknown';
  /** Epoch milliseconds. */
  readonly next?: number;
  readonly lastTrigger?: number;
}

/** A pass that is later than this has not been made. */
const LATE_MS = 60_000;

/** The maker of the next pass, and whether it is alive: a pure judgement. */
export function judgeKeeper(status: Status, sight: Sight, now: number): NextPass {
  const agent = status.agent.mode === 'run' ? judgeAgent(status, sight, now) : undefined;
  const timer = sight.timer && judgeTimer(status, sight.timer);
  const candidates = [agent, timer, judgePeriod(status, now)].filter((one) => one !== undefined);
  // If nobody makes one, the agent that made the last pass says most.
  const keeper = candidates.find(({ by }) => by !== 'nobody') ?? candidates[0] ?? NOBODY;
  return keeper.by === 'nobody' ? { since: status.lastPass.at, ...keeper } : keeper;
}

const NOBODY: NextPass = { by: 'nobody', life: 'stopped', evidence: 'the last pass was a one-shot' };

function judgeAgent({ agent, nextPass, writtenAt }: Status, { process }: Sight, now: number): NextPass {
  const name = `pid ${agent.pid}`;
  if (agent.stoppedAt !== undefined)
    return { by: 'nobody', life: 'stopped', since: agent.stoppedAt, evidence: `the agent, ${name}, stopped` };
  if (process === 'hidden')
    return { by: 'agent', life: 'unknown', evidence: `/proc does not show whether the agent, ${name}, is there` };
  if (process === 'gone')
    return {
      by: 'nobody',
      life: 'killed',
      evidence: `the agent, ${name}, is gone since its last pass, and has not said that it stops`,
    };
  const { at = writtenAt, reason } = nextPass ?? {};
  const planned = { by: 'agent', at, ...(reason !== undefined && { reason }) } as const;
  if (now <= Date.parse(at) + LATE_MS) return { ...planned, life: 'alive', evidence: `the agent, ${name}, is there` };
  return { ...planned, life: 'overdue', since: at, evidence: `the agent, ${name}, is there, and makes no pass` };
}

function judgeTimer({ lastPass }: Status, { state, next, lastTrigger = 0 }: TimerSight): NextPass {
  const at = next === undefined ? {} : { at: timestamp(next) };
  if (state === 'unknown') return { by: 'timer', life: 'unknown', evidence: 'systemctl gave no answer' };
  if (state === 'inactive') return { by: 'nobody', life: 'stopped', evidence: 'credrotate.timer is not active' };
  // The one-shot that it started left no status: its configuration may be refused.
  if (state === 'waiting' && lastTrigger > Date.parse(lastPass.at)) {
    const evidence = 'the last one-shot that credrotate.timer started has left no status';
    return { by: 'timer', life: 'overdue', ...at, since: timestamp(lastTrigger), evidence };
  }
  return { by: 'timer', life: 'alive', ...at, evidence: 'credrotate.timer is active' };
}

/** A pass may be late, but no second one may be missing. */
function judgePeriod({ agent: { every }, lastPass }: Status, now: number): NextPass | undefined {
  if (every === undefined) return undefined;
  const due = Date.parse(lastPass.at) + every * 1000;
  const at = timestamp(due);
  const evidence = `the last pass was made with --every ${every}s`;
  if (now <= due + every * 1000 + LATE_MS) return { by: 'period', life: 'alive', at, evidence };
  return { by: 'nobody', life: 'overdue', at, since: at, evidence };
}
