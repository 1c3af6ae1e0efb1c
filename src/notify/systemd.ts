import { readFileSync } from 'node:fs';
import type { SystemdConsumer } from '../core/config.ts';
import type { CommandResult } from '../core/commands.ts';
import type { BootTime } from '../core/contracts.ts';
import { AgentError, isErrno } from '../core/errors.ts';
import { showUnit, systemctl, textOf } from '../host/systemctl.ts';
import { hasSystemd } from '../host/tool.ts';
import type { NotifyDeps, NotifyRequest, NotifyResult } from './contract.ts';
import { readProcess } from './proc.ts';
import { ended, naming, sendTo, type Aim } from './send.ts';

interface Attempt {
  readonly request: NotifyRequest;
  readonly signal: AbortSignal;
}

/** Has the service manager reload or restart a unit, or signals the unit's main process. */
export async function notifyBySystemd(
  deps: NotifyDeps,
  consumer: SystemdConsumer,
  attempt: Attempt,
): Promise<NotifyResult> {
  assertSystemd(deps);
  const unit = await show(deps, consumer.unit, attempt.signal);
  const main = readProcess(Number(unit['MainPID'] ?? 0));
  return await naming(deps, main, attempt.signal, () => notifyUnit(deps, consumer, unit, attempt));
}

async function notifyUnit(
  deps: NotifyDeps,
  consumer: SystemdConsumer,
  unit: Unit,
  attempt: Attempt,
): Promise<NotifyResult> {
  const { changedAt, noRestartBefore } = attempt.request;
  const decided = standing(deps, consumer, { unit, changedAt });
  if (decided) return decided;
  if (noRestartBefore !== undefined && noRestartBefore > deps.clock.now() && unit['CanReload'] !== 'yes') {
    const detail = `${consumer.unit} cannot reload, and is restarted when what it knows runs out`;
    return { result: 'scheduled', detail, until: noRestartBefore };
  }
  if (consumer.action !== 'kill') return await act(deps, consumer.unit, VERBS[consumer.action], attempt.signal);
  const aim: Aim = { signal: consumer.signal, handlesSignal: false, changedAt, abort: attempt.signal };
  return await signalMain(deps, consumer.unit, unit, aim);
}

/** Throws CONSUMER_FAILED. */
export function assertSystemd(deps: NotifyDeps): void {
  if (hasSystemd(deps)) return;
  throw new AgentError('CONSUMER_FAILED', 'expected systemd as the service manager, got a host without', {
    hint: 'use type: signal or type: exec',
  });
}

/** Properties as systemctl prints them; those that the unit's type does not have are missing. */
type Unit = Readonly<Record<string, string>>;

const PROPERTIES = [
  'LoadState',
  'ActiveState',
  'CanReload',
  'InactiveExitTimestampMonotonic',
  'MainPID',
  'ControlGroup',
];

async function show(deps: NotifyDeps, name: string, signal: AbortSignal): Promise<Unit> {
  const { shown, ...result } = await showUnit(deps, name, PROPERTIES, signal);
  refuseFailure('show', name, result);
  return Object.fromEntries([...shown.keys()].map((property) => [property, textOf(shown, property)]));
}

/** What its state alone decides; undefined when the unit is to be notified. */
function standing(
  deps: NotifyDeps,
  { unit: name, action }: SystemdConsumer,
  { unit, changedAt }: { readonly unit: Unit; readonly changedAt: BootTime | undefined },
): NotifyResult | undefined {
  const state = unit['ActiveState'] ?? 'unknown';
  if (state === 'inactive' || state === 'failed') {
    if (unit['LoadState'] === 'not-found')
      throw failed(`${name}: expected a unit, got none of that name`, 'correct the name');
    return { result: 'not_running', detail: `${name} is ${state}` };
  }
  if (startedAfter(deps, unit, changedAt))
    return { result: 'started_since', detail: `${name} started after the change` };
  // A job for a unit that is on its way waits for the unit, and that may wait for us.
  if (state === 'activating' || state === 'deactivating') return later(name, state);
  if (action === 'reload' && unit['CanReload'] === 'no') {
    throw failed(`${name}: expected a unit that can reload, got one without ExecReload=`, 'use try-reload-or-restart');
  }
  return undefined;
}

/** The kernel's clock is read in hundredths of a second, rounded down; milliseconds. */
const GRANULARITY = 10;

/**
 * By the moment at which it left inactivity, before its first process: none of them knows more. systemd's clock stands
 * still in suspend, so that it gives an earlier time than the kernel's, never a later one.
 */
function startedAfter(deps: NotifyDeps, unit: Unit, changedAt: BootTime | undefined): boolean {
  if (!changedAt) return false;
  if (changedAt.bootId !== deps.readBootTime().bootId) return true;
  return Number(unit['InactiveExitTimestampMonotonic'] ?? 0) / 1000 > changedAt.sinceBoot + GRANULARITY;
}

function later(name: string, state: string): NotifyResult {
  return {
    result: 'pending',
    kind: 'later',
    error: {
      code: 'CONSUMER_FAILED',
      message: `${name}: expected an active unit, got one that is ${state}`,
      hint: `nothing, unless it stays so: systemctl status ${name}`,
    },
  };
}

/** systemd gives a stop and a start 90 s each; milliseconds. */
const ACTION_TIMEOUT = 200_000;
const VERBS = { 'try-reload-or-restart': 'try-reload-or-restart', reload: 'reload', restart: 'try-restart' } as const;

async function act(deps: NotifyDeps, unit: string, verb: string, signal: AbortSignal): Promise<NotifyResult> {
  refuseFailure(verb, unit, await systemctl(deps, [verb, '--', unit], { timeout: ACTION_TIMEOUT, signal }));
  return { result: 'notified', detail: `systemctl ${verb} ${unit}` };
}

/** systemd names the process; the signal is ours, so that it goes to the very process that was looked at. */
async function signalMain(deps: NotifyDeps, name: string, unit: Unit, aim: Aim): Promise<NotifyResult> {
  const pid = Number(unit['MainPID'] ?? 0);
  if (!(pid > 1)) throw failed(`${name}: expected a unit with a main process, got none`, 'use try-reload-or-restart');
  using held = deps.processes.open(pid);
  const facts = held && readProcess(pid);
  if (!held || !facts?.isAlive || !isInGroup(pid, unit['ControlGroup'])) return ended(pid);
  return await sendTo(deps, held, facts, aim);
}

/** Whether the number is still one of the unit's processes: systemd named it a moment ago. */
function isInGroup(pid: number, group: string | undefined): boolean {
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

function refuseFailure(verb: string, unit: string, { timedOut, exitCode, signal }: CommandResult): void {
  const what = `systemctl ${verb} ${unit}`;
  if (timedOut) {
    throw new AgentError('CONSUMER_TIMEOUT', `${what}: expected an end, got none in time`, {
      hint: 'systemctl list-jobs says what it waits for',
    });
  }
  if (exitCode !== 0)
    throw failed(`${what}: expected exit code 0, got ${exitCode ?? signal}`, `see journalctl -u ${unit}`);
}

function failed(message: string, hint: string): AgentError {
  return new AgentError('CONSUMER_FAILED', message, { hint });
}
