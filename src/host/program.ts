import * as v from 'valibot';
import type { CommandOptions, CommandResult, UserIds } from '../core/contracts.ts';
import { AgentError } from '../core/errors.ts';
import { judgeCommand } from '../paths/command.ts';
import { ask, ERROR, type AskDeps } from './ask.ts';
import { hasSystemd, runTool, type HostDeps } from './tool.ts';
import { getent } from './users.ts';

/** A program of the administrator's, which runs as some user. */
export interface Program extends Pick<CommandOptions, 'timeoutMs'> {
  readonly command: readonly string[];
  readonly user: UserIds;
  readonly size: Pick<CommandOptions, 'keep' | 'most'>;
  /** Of its unit: `notify-proxy`. */
  readonly name: string;
  /** Beside the variables that a login sets. Every user can see them while the program runs. */
  readonly env: ProgramEnvironment;
  /** Variables of one line that the program's own user alone can see. */
  readonly hiddenEnv?: ProgramEnvironment;
  /** Variables that it is not to have, whatever the service manager sets. */
  readonly unset?: readonly string[];
}

type ProgramEnvironment = Readonly<Record<string, string>>;

export type ProgramDeps = HostDeps & AskDeps;

/**
 * The user whom a setting names, or the agent. Rejects with what `fail` makes of a message and a hint if there is none,
 * or if the agent cannot become that user.
 */
export async function programUser(
  { users, self }: Pick<ProgramDeps, 'users' | 'self'>,
  user: string | number | undefined,
  fail: (message: string, hint: string) => AgentError,
): Promise<UserIds> {
  const ids = user === undefined ? self : await users.user(user);
  if (!ids) throw fail(`user: expected a user of this machine, got ${user}`, 'create it, or correct the name');
  if (self.uid === 0 || ids.uid === self.uid) return ids;
  throw fail(`user: expected uid ${self.uid}, who the agent runs as, got ${user}`, 'run the agent as root');
}

const FAULTS = v.object({ faults: v.array(v.object({ path: v.string(), isMissing: v.boolean(), error: ERROR })) });

/**
 * A user who can change the program, or rename a directory above it, gets its rights. Resolves to whether even its start
 * may hang. Rejects with CONSUMER_UNSAFE and CONSUMER_UNINSPECTABLE, and with what `fail` makes of a message and a hint for
 * one that is not there.
 */
export async function refuseUnsafe(
  deps: ProgramDeps,
  command: readonly string[],
  fail: (message: string, hint: string) => AgentError,
  signal: AbortSignal,
): Promise<boolean> {
  const { uid } = deps.self;
  const faults = judgeCommand(command, { uid, mayWait: uid !== 0 });
  const at = faults.find(({ mount }) => mount !== undefined)?.mount;
  const looked = at === undefined ? { faults } : await ask(deps, { kind: 'judge', command }, FAULTS, { at, signal });
  const [fault] = looked.faults;
  if (!fault) return at !== undefined;
  const { path, error, isMissing } = fault;
  if (isMissing) throw fail(`${path}: expected a program, got no such file`, 'install it, or correct the command');
  throw new AgentError(error.code, error.message, error);
}

/**
 * Runs it with nothing of our own environment; below a service manager in a unit of its own, which our unit's sandbox does
 * not bind. `mayHang`: even its start. Rejects as {@link runTool} does.
 */
export async function runProgram(
  deps: ProgramDeps,
  program: Program,
  mayHang: boolean,
  signal: AbortSignal,
): Promise<CommandResult> {
  if (deps.self.uid === 0 && hasSystemd(deps)) return await runInUnit(deps, program, signal);
  return await runHere(deps, program, mayHang, signal);
}

const USUAL = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

/** Between the timeout and the kill, as with {@link runHere}. */
const STOP_TIMEOUT = '1s';

/** Units show their environment and command lines show arguments to everybody; a pipe shows nothing to anybody. */
const LOADER = 'while IFS= read -r line; do export "$line"; done; exec "$@" </dev/null';
const WITH_HIDDEN = ['/bin/sh', '-c', LOADER, 'sh'];

/** The manager ends the unit at the timeout, even if we end before. It refuses two of one name at a time. */
async function runInUnit(deps: ProgramDeps, program: Program, signal: AbortSignal): Promise<CommandResult> {
  const { name, timeoutMs, user, env, hiddenEnv = {}, unset = [], size } = program;
  const hidden = Object.entries(hiddenEnv).map(([variable, value]) => `${variable}=${value}\n`);
  const [path = '', ...args] = [...(hidden.length > 0 ? WITH_HIDDEN : []), ...program.command];
  // Names in the configuration may hold what names of units may not.
  const unit = `credrotate-${name.replace(/[^\w.-]/g, '_')}.service`;
  const command = [
    // --pipe: we mask its output before any journal gets it. --description: the journal has it, in place of the arguments.
    ...['systemd-run', '--wait', '--collect', '--quiet', '--pipe'],
    ...[`--unit=${unit}`, `--description=credrotate: ${name}`, `--uid=${user.uid}`, '--service-type=exec'],
    ...[`--property=RuntimeMaxSec=${timeoutMs}ms`, `--property=TimeoutStopSec=${STOP_TIMEOUT}`],
    ...(unset.length > 0 ? [`--property=UnsetEnvironment=${unset.join(' ')}`] : []),
    ...Object.entries({ ...USUAL, ...env }).map(([variable, value]) => `--setenv=${variable}=${value}`),
    '--',
    path,
    // The manager would replace $NAME in arguments.
    ...args.map((arg) => arg.replaceAll('$', '$$$$')),
  ];
  const input = hidden.length > 0 ? { input: hidden.join('') } : {};
  return await runTool(deps, command, { timeoutMs, signal, ...input, ...size });
}

/** setpriv sets all groups of the user, which Node's own spawn would drop. */
async function runHere(
  deps: ProgramDeps,
  program: Program,
  mayHang: boolean,
  signal: AbortSignal,
): Promise<CommandResult> {
  const { user, timeoutMs, size } = program;
  const become = ['/usr/bin/setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--'];
  const env = { ...USUAL, ...program.env, ...(await accountOf(deps, user, signal)), ...program.hiddenEnv };
  // Our spawn waits for execve: a start that hangs must hang in another process.
  const first = user.uid !== deps.self.uid ? become : mayHang ? ['/usr/bin/env', '--'] : [];
  return await deps.commands.run([...first, ...program.command], { env, timeoutMs, signal, ...size });
}

/** The variables that a login sets, and systemd for a unit with a user. */
async function accountOf(deps: HostDeps, { uid }: UserIds, signal: AbortSignal): Promise<ProgramEnvironment> {
  const entry = await getent({ ...deps, signal }, 'passwd', String(uid)).catch(() => undefined);
  const [name = '', , , , , home = '', shell = ''] = entry ?? [];
  if (name === '') return { HOME: '/' };
  return { USER: name, LOGNAME: name, HOME: home, SHELL: shell };
}
