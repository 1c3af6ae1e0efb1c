import { constants } from 'node:os';
import type { CommandResult, BootTime, UserIds } from '../core/contracts.ts';
import { SIGNALS, type SignalName, type SystemdConsumer } from '../core/config.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import type { Outcome, PendingResult } from '../core/outcomes.ts';
import { showUnit, systemctl, textOf, hasSystemd } from '../host/tool.ts';
import {
  failed,
  userNamed,
  type NotifyAttempt,
  type NotifyDeps,
  type NotifyResult,
  type PreparedNotification,
} from './contract.ts';
import { hold, type Match } from './match.ts';
import { isInGroup } from './proc.ts';
import { described, receive, type Aim, type JudgedMatch } from './receive.ts';
import { running, sendAll, sentProcess, unsent } from './send.ts';

interface UnitAttempt extends NotifyAttempt {
  readonly consumer: SystemdConsumer;
  /** The user whose service manager has the unit; undefined: the system's. */
  readonly manager: UserIds | undefined;
  readonly unit: Unit;
  readonly main: Match | undefined;
}

/** Has the service manager reload or restart a unit, or signals the unit's main process. */
export async function prepareUnit(
  deps: NotifyDeps,
  consumer: SystemdConsumer,
  attempt: NotifyAttempt,
): Promise<PreparedNotification> {
  const manager = await managerOf(deps, consumer.user);
  const unit = await lookAtUnit(deps, consumer.unit, manager, attempt.signal);
  const main = mainProcess(deps, unit, manager);
  try {
    return await prepared(deps, { ...attempt, consumer, manager, unit, main });
  } catch (error) {
    main?.held[Symbol.dispose]();
    throw error;
  }
}

/** The main process that a user's manager names must be that user's own. */
function mainProcess(deps: NotifyDeps, { mainPid, group }: Unit, manager?: UserIds): Match | undefined {
  const main = mainPid > 1 ? hold(deps, mainPid) : undefined;
  if (!main) return undefined;
  const isTheirs = !manager || Object.values(main.facts.uids).every((uid) => uid === manager.uid);
  if (isTheirs && isInGroup(mainPid, group)) return main;
  main.held[Symbol.dispose]();
  return undefined;
}

const VERBS = { reload: 'reload', 'try-reload-or-restart': 'try-reload-or-restart', restart: 'try-restart' } as const;

async function prepared(deps: NotifyDeps, seen: UnitAttempt): Promise<PreparedNotification> {
  const { consumer, unit, main } = seen;
  const decided = decide(deps, seen);
  const judged = decided || !main ? [] : await judge(deps, seen, main);
  const isSpared = judged.some(({ verdict }) => verdict.kind !== 'send') || (consumer.action === 'kill' && !main);
  const result = decided ?? (isSpared ? unsent(deps, judged, 'no main process') : undefined);
  const common = {
    processes:
      main && judged.length === 0 ? [described({ match: main, verdict: { kind: 'send' } })] : judged.map(described),
    ...(result && { result }),
    [Symbol.dispose]: () => main?.held[Symbol.dispose](),
  };
  if (consumer.action !== 'kill') {
    const verb = VERBS[consumer.action];
    return { ...common, action: `systemctl ${verb} ${consumer.unit}`, send: () => act(deps, seen, verb) };
  }
  const send = (): NotifyResult => {
    const sent = sendAll(deps, judged, aimOf(seen));
    return sent.result === 'sent'
      ? { ...sent, sent: { ...sent.sent, unit: { name: unit.name, restarts: unit.restarts } } }
      : sent;
  };
  return { ...common, action: consumer.signal, send: () => Promise.resolve(send()) };
}

/** The outcome that follows from the unit's state alone; undefined: it is to be notified. */
function decide(deps: NotifyDeps, seen: UnitAttempt): Outcome | undefined {
  const { unit, request, main } = seen;
  const { name, state } = unit;
  if (state === 'inactive' || state === 'failed') {
    if (!unit.isThere) throw failed(`${name}: expected a unit, got none of that name`, 'correct the name');
    return { result: 'not_running', detail: `${name} is ${state}` };
  }
  if (unitStartedAfter(deps, unit, request.changedAt)) {
    const processes = main ? { processes: [main.facts.pid] } : {};
    return { result: 'started_since', detail: `${name} started after the change`, ...processes };
  }
  // A job would wait until the unit has started or stopped, and the unit may wait for us.
  if (state === 'activating' || state === 'deactivating') {
    const hint = `nothing, unless it stays so: systemctl status ${name}`;
    const error = failed(`${name}: expected an active unit, got one that is ${state}`, hint).toInfo();
    return { result: 'pending', kind: 'later', error, ...named(deps, main) };
  }
  refuseUnable(seen);
  const { noRestartBefore = 0 } = request;
  if (unit.canReload || noRestartBefore <= deps.clock.now()) return undefined;
  const detail = `${name} cannot reload, and is restarted before its credentials expire`;
  return { result: 'scheduled', detail, until: noRestartBefore };
}

function refuseUnable({ unit: { name, canReload, mainPid }, consumer: { action } }: UnitAttempt): void {
  const refused = (wanted: string): AgentError => failed(`${name}: expected ${wanted}`, 'use try-reload-or-restart');
  if (action === 'reload' && !canReload) throw refused('a unit that can reload, got one without ExecReload=');
  if (action === 'kill' && mainPid <= 1) throw refused('a unit with a main process, got none');
}

function aimOf({ consumer: { signal, handlesSignal }, request: { changedAt } }: UnitAttempt): Aim {
  return { signal, handlesSignal, changedAt };
}

/**
 * Our own signal is judged like any. The unit's author wrote ExecReload=: a kill in it is refused only where it would
 * certainly end the main process, or the program that the main process wraps.
 */
async function judge(deps: NotifyDeps, seen: UnitAttempt, main: Match): Promise<readonly JudgedMatch[]> {
  const own = aimOf(seen);
  const ofAuthor = (signal: SignalName): Aim => ({ ...own, signal, changedAt: undefined, isAuthors: true });
  const signals = isReload(seen) ? signalsOf(seen.unit.execReload) : [];
  const aims = seen.consumer.action === 'kill' ? [own] : signals.map(ofAuthor);
  return await receive(
    deps,
    aims.map((aim) => ({ match: main, aim })),
    seen.signal,
  );
}

function isReload({ consumer: { action }, unit }: Pick<UnitAttempt, 'consumer' | 'unit'>): boolean {
  return action === 'reload' || (action === 'try-reload-or-restart' && unit.canReload);
}

/** systemd gives a stop and a start 90 s each. */
const ACTION_TIMEOUT_MS = 200_000;

async function act(deps: NotifyDeps, seen: UnitAttempt, verb: string): Promise<NotifyResult> {
  const { unit, main, manager, signal } = seen;
  try {
    const options = { timeoutMs: ACTION_TIMEOUT_MS, signal, manager };
    refuseFailure(verb, unit.name, await systemctl(deps, [verb, '--', unit.name], options));
  } catch (error) {
    signal.throwIfAborted();
    return { result: 'pending', kind: 'refused', error: toErrorInfo(error, 'CONSUMER_FAILED'), ...named(deps, main) };
  }
  const reload = isReload(seen);
  return {
    result: 'sent',
    sent: {
      at: deps.readBootTime(),
      detail: `systemctl ${verb} ${unit.name}`,
      processes: main && reload ? [sentProcess(main)] : [],
      unit: { name: unit.name, restarts: unit.restarts },
      endsIt: !reload,
      isPartial: false,
    },
  };
}

function named(deps: NotifyDeps, main: Match | undefined): Pick<PendingResult, 'processes'> {
  return main ? { processes: [running(deps, main.facts)] } : {};
}

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
  /** systemd has a job for it: somebody starts, stops or restarts it. */
  readonly hasJob: boolean;
  /** The stop began before its main process ended, so that somebody stopped it. */
  readonly wasStopped: boolean;
  /** InactiveExitTimestampMonotonic: microseconds on the clock that stops in suspend. */
  readonly startedAt: number;
}

const PROPERTIES = [
  ...['LoadState', 'ActiveState', 'CanReload', 'ExecReload', 'MainPID', 'ControlGroup', 'NRestarts', 'Job'],
  ...['InactiveExitTimestampMonotonic', 'ActiveExitTimestampMonotonic', 'ExecMainExitTimestampMonotonic'],
];

/** Rejects with CONSUMER_FAILED without systemd, or without that user. */
export async function managerOf(deps: NotifyDeps, user: SystemdConsumer['user']): Promise<UserIds | undefined> {
  if (!hasSystemd(deps)) {
    throw failed('expected systemd as the service manager, got a host without', 'use type: signal or type: exec');
  }
  return user === undefined ? undefined : await userNamed(deps, 'user', user);
}

export async function lookAtUnit(
  deps: NotifyDeps,
  name: string,
  manager: UserIds | undefined,
  signal: AbortSignal,
): Promise<Unit> {
  const { shown, ...result } = await showUnit(deps, name, PROPERTIES, { signal, manager });
  refuseFailure('show', name, result);
  const text = (property: string): string => textOf(shown, property);
  const number = (property: string): number => Number(text(property));
  return {
    name,
    isThere: text('LoadState') !== 'not-found',
    state: text('ActiveState') || 'unknown',
    canReload: text('CanReload') === 'yes',
    execReload: text('ExecReload'),
    mainPid: number('MainPID'),
    group: text('ControlGroup'),
    restarts: number('NRestarts'),
    hasJob: number('Job') > 0,
    wasStopped: number('ActiveExitTimestampMonotonic') < number('ExecMainExitTimestampMonotonic'),
    startedAt: number('InactiveExitTimestampMonotonic'),
  };
}

/** The kernel's clock is read in hundredths of a second, rounded down. */
const GRANULARITY_MS = 10;

/**
 * Compares with InactiveExitTimestamp: all processes of the unit are younger than that. systemd's clock stops in suspend,
 * so its time can be earlier than the kernel's, and never later.
 */
export function unitStartedAfter(deps: NotifyDeps, unit: Unit, changedAt: BootTime | undefined): boolean {
  if (!changedAt) return false;
  if (changedAt.bootId !== deps.readBootTime().bootId) return true;
  return unit.startedAt / 1000 > changedAt.sinceBoot + GRANULARITY_MS;
}

function refuseFailure(verb: string, unit: string, result: CommandResult): void {
  const what = `systemctl ${verb} ${unit}`;
  if (result.timedOut) {
    throw new AgentError('CONSUMER_TIMEOUT', `${what}: expected an end in time, got none`, {
      hint: 'systemctl list-jobs says what it waits for',
    });
  }
  if (result.exitCode === 0) return;
  const got = result.exitCode ?? result.signal;
  throw failed(`${what}: expected exit code 0, got ${got}`, `see journalctl -u ${unit}`);
}

/** Matches `kill -HUP $MAINPID` and `kill -s HUP ${MAINPID}`, also with a path or in a shell. */
const KILL = /(?:^|[\s/"';&])kill\s+(?:-s\s*|--signal[=\s]\s*|-n\s*|-)?(?:SIG)?(\w+)?\s*(?:--\s+)?["']?\$\{?MAINPID\b/;

/** systemctl shows each line as `{ path=… ; argv[]=… ; ignore_errors=… }`. */
const ARGV = /argv\[\]=(.*?) ;/g;

/** The signals that ExecReload=, as `systemctl show` prints it, sends to the main process. */
function signalsOf(execReload: string): readonly SignalName[] {
  return [...execReload.matchAll(ARGV)].flatMap(([, argv = '']) => {
    const kill = KILL.exec(argv);
    return kill ? (signalNamed(kill[1] ?? 'TERM') ?? []) : [];
  });
}

function signalNamed(word: string): SignalName | undefined {
  return SIGNALS.find((name) => name === `SIG${word.toUpperCase()}` || constants.signals[name] === Number(word));
}
