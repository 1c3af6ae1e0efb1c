import { readFileSync } from 'node:fs';
import type { SystemdConsumer } from '../core/config.ts';
import type { CommandResult } from '../core/commands.ts';
import type { BootTime, UserIds } from '../core/contracts.ts';
import { AgentError, isErrno } from '../core/errors.ts';
import { showUnit, systemctl, textOf } from '../host/systemctl.ts';
import { hasSystemd } from '../host/tool.ts';
import type { NotifyDeps } from './contract.ts';

/** A unit as systemd shows it. */
export interface Unit {
  readonly name: string;
  readonly isThere: boolean;
  /** `active`, `inactive`, `failed`, `activating`, `reloading`, … */
  readonly state: string;
  readonly canReload: boolean;
  readonly execReload: string;
  /** 0 when it has none. */
  readonly mainPid: number;
  readonly group: string;
  /** Times that systemd has started it again by itself. */
  readonly restarts: number;
  /** Somebody has asked systemd to do something to it. */
  readonly hasJob: boolean;
  /** Its main process was ended by SIGTERM or SIGKILL, which is how units are stopped. */
  readonly wasStopped: boolean;
  /** Microseconds on the clock that stands still in suspend. */
  readonly startedAt: number;
}

const PROPERTIES = [
  'LoadState',
  'ActiveState',
  'CanReload',
  'ExecReload',
  'InactiveExitTimestampMonotonic',
  'MainPID',
  'ControlGroup',
  'NRestarts',
  'Job',
  'ExecMainCode',
  'ExecMainStatus',
];

/** CLD_KILLED and CLD_DUMPED, of siginfo. */
const KILLED = ['2', '3'];
const STOPPING = ['9', '15'];

export interface Manager {
  readonly ids: UserIds | undefined;
}

/** Whose service manager has a consumer's unit. */
export async function managerOf(deps: NotifyDeps, { user }: Pick<SystemdConsumer, 'user'>): Promise<Manager> {
  if (!hasSystemd(deps)) {
    throw new AgentError('CONSUMER_FAILED', 'expected systemd as the service manager, got a host without', {
      hint: 'use type: signal or type: exec',
    });
  }
  if (user === undefined) return { ids: undefined };
  const ids = await deps.users.user(user);
  if (ids) return { ids };
  throw new AgentError('CONSUMER_FAILED', `user: expected a user of this machine, got ${user}`, {
    hint: 'create it, or correct the name',
  });
}

export async function lookAtUnit(deps: NotifyDeps, name: string, { ids }: Manager, signal: AbortSignal): Promise<Unit> {
  const { shown, ...result } = await showUnit(deps, name, PROPERTIES, { signal, manager: ids });
  refuseFailure('show', name, result);
  const text = (property: string): string => textOf(shown, property);
  return {
    name,
    isThere: text('LoadState') !== 'not-found',
    state: text('ActiveState') || 'unknown',
    canReload: text('CanReload') === 'yes',
    execReload: text('ExecReload'),
    mainPid: Number(text('MainPID')),
    group: text('ControlGroup'),
    restarts: Number(text('NRestarts')),
    hasJob: Number(text('Job')) > 0,
    wasStopped: KILLED.includes(text('ExecMainCode')) && STOPPING.includes(text('ExecMainStatus')),
    startedAt: Number(text('InactiveExitTimestampMonotonic')),
  };
}

/** The kernel's clock is read in hundredths of a second, rounded down; milliseconds. */
const GRANULARITY = 10;

/**
 * Whether it left inactivity after the change: none of its processes knows more. systemd's clock stands still in
 * suspend, so that it gives an earlier time than the kernel's, never a later one.
 */
export function unitStartedAfter(deps: NotifyDeps, unit: Unit, changedAt: BootTime | undefined): boolean {
  if (!changedAt) return false;
  if (changedAt.bootId !== deps.readBootTime().bootId) return true;
  return unit.startedAt / 1000 > changedAt.sinceBoot + GRANULARITY;
}

/** systemd gives a stop and a start 90 s each; milliseconds. */
const ACTION_TIMEOUT = 200_000;

/** Has the manager do something to a unit. Rejects with CONSUMER_FAILED and CONSUMER_TIMEOUT. */
export async function act(
  deps: NotifyDeps,
  verb: string,
  unit: string,
  { manager, signal }: { readonly manager: Manager; readonly signal: AbortSignal },
): Promise<void> {
  const options = { timeout: ACTION_TIMEOUT, signal, manager: manager.ids };
  refuseFailure(verb, unit, await systemctl(deps, [verb, '--', unit], options));
}

function refuseFailure(verb: string, unit: string, result: CommandResult): void {
  const what = `systemctl ${verb} ${unit}`;
  if (result.timedOut) {
    throw new AgentError('CONSUMER_TIMEOUT', `${what}: expected an end in time, got none`, {
      hint: 'systemctl list-jobs says what it waits for',
    });
  }
  if (result.exitCode === 0) return;
  throw new AgentError('CONSUMER_FAILED', `${what}: expected exit code 0, got ${result.exitCode ?? result.signal}`, {
    hint: `see journalctl -u ${unit}`,
  });
}

/** Whether the number is still one of the unit's processes: systemd named it a moment ago. */
export function isInGroup(pid: number, group: string): boolean {
  try {
    const paths = readFileSync(`/proc/${pid}/cgroup`, 'utf8')
      .split('\n')
      .map((line) => line.replace(/^[^:]*:[^:]*:/, ''));
    return paths.some((path) => path === group || path.startsWith(`${group}/`));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ESRCH')) return false;
    throw error;
  }
}
