import type { SystemdConsumer } from '../core/config.ts';
import { AgentError, toErrorInfo, type ErrorInfo } from '../core/errors.ts';
import type { Outcome, PendingResult } from '../core/prospect.ts';
import type { NotifyDeps, NotifyRequest, NotifyResult, Sent } from './contract.ts';
import { signalsOf } from './exec-reload.ts';
import { hold, type Match } from './match.ts';
import { described, type Judged, type Prepared } from './prepared.ts';
import { receive, type Aim } from './receive.ts';
import { running, sendAll, sentProcess, standing } from './signal.ts';
import { act, isInGroup, lookAtUnit, managerOf, unitStartedAfter, type Manager, type Unit } from './unit.ts';

interface Attempt {
  readonly request: NotifyRequest;
  readonly signal: AbortSignal;
}

interface Seen extends Attempt {
  readonly consumer: SystemdConsumer;
  readonly manager: Manager;
  readonly unit: Unit;
}

/** Has the service manager reload or restart a unit, or signals the unit's main process. */
export async function prepareUnit(deps: NotifyDeps, consumer: SystemdConsumer, attempt: Attempt): Promise<Prepared> {
  const manager = await managerOf(deps, consumer);
  const unit = await lookAtUnit(deps, consumer.unit, manager, attempt.signal);
  const seen: Seen = { ...attempt, consumer, manager, unit };
  const main = mainProcess(deps, seen);
  try {
    const decided = decide(deps, seen, main);
    const judged = decided ? [] : await judge(deps, seen, main);
    return prepared(deps, seen, { main, decided, judged });
  } catch (error) {
    main?.held[Symbol.dispose]();
    throw error;
  }
}

/** Of the user whose manager named it: what a user's manager says is that user's word. */
function mainProcess(deps: NotifyDeps, { unit, manager: { ids } }: Seen): Match | undefined {
  const main = unit.mainPid > 1 ? hold(deps, unit.mainPid) : undefined;
  if (!main) return undefined;
  const isTheirs = ids === undefined || Object.values(main.facts.uids).every((uid) => uid === ids.uid);
  if (isTheirs && isInGroup(unit.mainPid, unit.group)) return main;
  main.held[Symbol.dispose]();
  return undefined;
}

const VERBS = { reload: 'reload', 'try-reload-or-restart': 'try-reload-or-restart', restart: 'try-restart' } as const;

/** What is said by its state alone; undefined when the unit is to be notified. */
function decide(deps: NotifyDeps, seen: Seen, main: Match | undefined): Outcome | undefined {
  const { unit, consumer, request } = seen;
  const { name, state } = unit;
  if (state === 'inactive' || state === 'failed') {
    if (!unit.isThere) throw failed(`${name}: expected a unit, got none of that name`, 'correct the name');
    return { result: 'not_running', detail: `${name} is ${state}` };
  }
  if (unitStartedAfter(deps, unit, request.changedAt)) {
    const processes = main ? { processes: [main.facts.pid] } : {};
    return { result: 'started_since', detail: `${name} started after the change`, ...processes };
  }
  // A job for a unit that is on its way waits for the unit, and that may wait for us.
  if (state === 'activating' || state === 'deactivating') return onItsWay(deps, unit, main);
  if (consumer.action === 'reload' && !unit.canReload) {
    throw failed(`${name}: expected a unit that can reload, got one without ExecReload=`, 'use try-reload-or-restart');
  }
  if (consumer.action === 'kill' && unit.mainPid <= 1) {
    throw failed(`${name}: expected a unit with a main process, got none`, 'use try-reload-or-restart');
  }
  return notYet(deps, seen);
}

function notYet(deps: NotifyDeps, { unit, request: { noRestartBefore = 0 } }: Seen): Outcome | undefined {
  if (unit.canReload || noRestartBefore <= deps.clock.now()) return undefined;
  const detail = `${unit.name} cannot reload, and is restarted when what it knows runs out`;
  return { result: 'scheduled', detail, until: noRestartBefore };
}

function onItsWay(deps: NotifyDeps, { name, state }: Unit, main: Match | undefined): Outcome {
  const error: ErrorInfo = {
    code: 'CONSUMER_FAILED',
    message: `${name}: expected an active unit, got one that is ${state}`,
    hint: `nothing, unless it stays so: systemctl status ${name}`,
  };
  return { result: 'pending', kind: 'later', error, ...named(deps, main) };
}

/**
 * A signal of our own is judged as any. ExecReload= is the word of the unit's author: a kill in it is refused where it
 * would end the main process for certain, or what the main process only wraps.
 */
async function judge(deps: NotifyDeps, seen: Seen, main: Match | undefined): Promise<readonly Judged[]> {
  const { consumer, unit, request, signal: abort } = seen;
  if (!main) return [];
  const common = { handlesSignal: consumer.handlesSignal, changedAt: request.changedAt, abort };
  const aims: Aim[] =
    consumer.action === 'kill'
      ? [{ ...common, signal: consumer.signal }]
      : isReload(seen)
        ? signalsOf(unit.execReload).map((signal) => ({ ...common, changedAt: undefined, signal, isAuthors: true }))
        : [];
  return await Promise.all(aims.map(async (aim) => ({ match: main, verdict: await receive(deps, main, aim) })));
}

function isReload({ consumer: { action }, unit }: Seen): boolean {
  return action === 'reload' || (action === 'try-reload-or-restart' && unit.canReload);
}

interface Judgement {
  readonly main: Match | undefined;
  readonly decided: Outcome | undefined;
  readonly judged: readonly Judged[];
}

function prepared(deps: NotifyDeps, seen: Seen, { main, decided, judged }: Judgement): Prepared {
  const { consumer, request } = seen;
  const isKill = consumer.action === 'kill';
  const refused = judged.filter(({ verdict }) => verdict.kind !== 'send');
  const result =
    decided ?? (refused.length > 0 || (isKill && !main) ? standing(deps, judged, 'no main process') : undefined);
  const verb = consumer.action === 'kill' ? '' : VERBS[consumer.action];
  const action = isKill ? consumer.signal : `systemctl ${verb} ${consumer.unit}`;
  const aim = { signal: consumer.signal, handlesSignal: consumer.handlesSignal, changedAt: request.changedAt };
  return {
    action,
    processes:
      judged.length > 0 ? judged.map(described) : main ? [described({ match: main, verdict: { kind: 'send' } })] : [],
    ...(result && { result }),
    send: async () => {
      if (!isKill) return await haveActed(deps, seen, main, action);
      const sent = sendAll(deps, judged, { ...aim, abort: seen.signal });
      return sent.result === 'sent' ? { ...sent, sent: { ...sent.sent, unit: watched(seen.unit) } } : sent;
    },
    [Symbol.dispose]() {
      main?.held[Symbol.dispose]();
    },
  };
}

async function haveActed(deps: NotifyDeps, seen: Seen, main: Match | undefined, detail: string): Promise<NotifyResult> {
  const { consumer, unit, manager, signal } = seen;
  const verb = consumer.action === 'kill' ? 'reload' : VERBS[consumer.action];
  try {
    await act(deps, verb, unit.name, { manager, signal });
  } catch (error) {
    signal.throwIfAborted();
    return { result: 'pending', kind: 'refused', error: toErrorInfo(error, 'CONSUMER_FAILED'), ...named(deps, main) };
  }
  const reload = isReload(seen);
  const sent: Sent = {
    at: deps.readBootTime(),
    detail,
    processes: main && reload ? [sentProcess(main)] : [],
    unit: watched(unit),
    endsIt: !reload,
    isPartial: false,
  };
  return { result: 'sent', sent };
}

function watched({ name, restarts }: Unit): NonNullable<Sent['unit']> {
  return { name, restarts };
}

function named(deps: NotifyDeps, main: Match | undefined): Pick<PendingResult, 'processes'> {
  return main ? { processes: [running(deps, main.facts)] } : {};
}

function failed(message: string, hint: string): AgentError {
  return new AgentError('CONSUMER_FAILED', message, { hint });
}
