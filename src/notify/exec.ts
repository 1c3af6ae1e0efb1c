import * as v from 'valibot';
import type { ExecConsumer } from '../core/config.ts';
import type { CommandResult } from '../core/commands.ts';
import type { UserIds } from '../core/contracts.ts';
import { AgentError, type ErrorInfo } from '../core/errors.ts';
import type { HookRun } from '../core/outcomes.ts';
import { getent } from '../host/getent.ts';
import { hasSystemd, runTool } from '../host/tool.ts';
import { judgeCommand } from '../paths/command.ts';
import { ask, ERROR } from './ask.ts';
import type { NotifyDeps, NotifyRequest, NotifyResult } from './contract.ts';
import { KEPT, mask, READ } from './mask.ts';
import type { Prepared } from './prepared.ts';

interface Attempt {
  readonly request: NotifyRequest;
  readonly signal: AbortSignal;
}

/** Runs a consumer's program: notified when it ends with exit code 0. */
export async function prepareExec(deps: NotifyDeps, consumer: ExecConsumer, attempt: Attempt): Promise<Prepared> {
  const [program = ''] = consumer.command;
  const user = await userOf(deps, consumer);
  const mayHang = await refuseUnsafe(deps, consumer.command, attempt.signal);
  return {
    action: `run ${program}`,
    processes: [],
    send: () => run(deps, consumer, { ...attempt, user, mayHang }),
    [Symbol.dispose]: () => undefined,
  };
}

async function run(deps: NotifyDeps, consumer: ExecConsumer, attempt: Run): Promise<NotifyResult> {
  const [program = ''] = consumer.command;
  // Below a service manager a unit of its own, so that the sandbox of ours does not bind it.
  const inUnit = deps.self.uid === 0 && hasSystemd(deps);
  const result = await (inUnit ? runInUnit : runHere)(deps, consumer, attempt);
  const hook = hookRun(deps, result);
  if (result.exitCode === 0) return { result: 'notified', detail: `${program} ended with exit code 0`, hook };
  return { result: 'pending', kind: 'refused', error: failure(consumer, result), hook };
}

function hookRun({ clock, secrets = () => [] }: NotifyDeps, { exitCode, output, complaint }: CommandResult): HookRun {
  const printed = [output, complaint].map((text) => mask(text, secrets())).join('');
  return { at: clock.now(), ...(exitCode !== null && { exitCode }), output: printed.slice(-KEPT) };
}

const HINT = 'sudo credrotate status shows what it printed';

function failure({ command: [program = ''], timeout }: ExecConsumer, result: CommandResult): ErrorInfo {
  if (result.timedOut) {
    const message = `${program}: expected an end within ${timeout / 1000} s, got none`;
    return { code: 'CONSUMER_TIMEOUT', message, hint: `see what it waits for, or raise timeout; ${HINT}` };
  }
  const message = `${program}: expected exit code 0, got ${result.exitCode ?? result.signal}`;
  return { code: 'CONSUMER_FAILED', message, hint: HINT };
}

async function userOf(deps: NotifyDeps, { user }: ExecConsumer): Promise<UserIds> {
  if (user === undefined) return deps.self;
  const ids = await deps.users.user(user);
  if (!ids) throw failed(`user: expected a user of this machine, got ${user}`, 'create it, or correct the name');
  if (deps.self.uid === 0 || ids.uid === deps.self.uid) return ids;
  throw failed(`user: expected uid ${deps.self.uid}, who the agent runs as, got ${user}`, 'run the agent as root');
}

const ROOT = { uid: 0, gid: 0 };

const FAULTS = v.object({ faults: v.array(v.object({ path: v.string(), isMissing: v.boolean(), error: ERROR })) });

/**
 * Whoever can change what runs, or rename what leads to it, gets its rights. Gives whether it lies where even to start
 * it may take for ever.
 */
async function refuseUnsafe(deps: NotifyDeps, command: readonly string[], signal: AbortSignal): Promise<boolean> {
  const { uid } = deps.self;
  const faults = judgeCommand(command, { uid, mayWait: uid !== 0 });
  const at = faults.find(({ mount }) => mount !== undefined)?.mount;
  const looked =
    at === undefined ? { faults } : await ask(deps, { kind: 'judge', command }, FAULTS, { user: ROOT, at, signal });
  const [fault] = looked.faults;
  if (!fault) return at !== undefined;
  const { path, error, isMissing } = fault;
  if (isMissing) throw failed(`${path}: expected a program, got no such file`, 'install it, or correct the command');
  throw new AgentError(error.code, error.message, error);
}

type Run = Attempt & { readonly user: UserIds; readonly mayHang: boolean };

/** How long it has after the timeout before it is killed, as with {@link runHere}. */
const STOP_TIMEOUT = '1s';

/** The manager ends the unit at the timeout, whatever becomes of us. Two at a time of one name are refused. */
async function runInUnit(
  deps: NotifyDeps,
  consumer: ExecConsumer,
  { request, signal, user }: Run,
): Promise<CommandResult> {
  const [program = '', ...args] = consumer.command;
  const { timeout } = consumer;
  const unit = [`--unit=${unitName(consumer)}`, `--uid=${user.uid}`, '--service-type=exec'];
  const limits = [`--property=RuntimeMaxSec=${timeout}ms`, `--property=TimeoutStopSec=${STOP_TIMEOUT}`];
  const env = Object.entries(contextOf(request)).map(([name, value]) => `--setenv=${name}=${value}`);
  // The manager would replace $NAME in arguments.
  const literal = args.map((arg) => arg.replaceAll('$', '$$$$'));
  const command = [
    'systemd-run',
    '--wait',
    '--collect',
    '--quiet',
    // Its output is ours to mask, before any journal has it.
    '--pipe',
    ...unit,
    ...limits,
    ...env,
    '--',
    program,
    ...literal,
  ];
  return await runTool(deps, command, { timeout, signal, keep: READ });
}

/** Names of consumers may hold what names of units may not. */
function unitName({ name }: ExecConsumer): string {
  return `credrotate-notify-${name.replace(/[^\w.-]/g, '_')}.service`;
}

/** setpriv gives it all the groups of its user, which Node's own spawn would drop. */
async function runHere(
  deps: NotifyDeps,
  consumer: ExecConsumer,
  { request, signal, user, mayHang }: Run,
): Promise<CommandResult> {
  const other = user.uid !== deps.self.uid;
  const become = ['/usr/bin/setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--'];
  const env = { ...contextOf(request), ...(await accountOf(deps, user, signal)) };
  // A program is waited for until it has begun: one that hangs there must hang in another's place.
  const first = other ? become : mayHang ? ['/usr/bin/env', '--'] : [];
  const command = [...first, ...consumer.command];
  return await deps.commands.run(command, { env, timeout: consumer.timeout, signal, keep: READ });
}

type Environment = Readonly<Record<string, string>>;

/** Of the kernel's 128 KiB for one variable; a longer list of sinks is left out rather than the program not run. */
const MAX_LIST = 64 * 1024;

/** All that a program learns: no secrets, and nothing of our own environment. */
function contextOf({ consumer, generation, reason, paths }: NotifyRequest): Environment {
  const list = paths.join('\n');
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    LANG: 'C.UTF-8',
    CREDROTATE_CONSUMER: consumer.name,
    CREDROTATE_GENERATION: String(generation),
    CREDROTATE_REASON: reason,
    ...(list.length < MAX_LIST && { CREDROTATE_SINKS: list }),
  };
}

/** What a login would set, and systemd sets for a unit with a user. */
async function accountOf(deps: NotifyDeps, { uid }: UserIds, signal: AbortSignal): Promise<Environment> {
  const entry = await getent(deps, 'passwd', String(uid), { signal }).catch(() => undefined);
  const [name = '', , , , , home = '', shell = ''] = entry ?? [];
  if (name === '') return { HOME: '/' };
  return { USER: name, LOGNAME: name, HOME: home, SHELL: shell };
}

function failed(message: string, hint: string): AgentError {
  return new AgentError('CONSUMER_FAILED', message, { hint });
}
