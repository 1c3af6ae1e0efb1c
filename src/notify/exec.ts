import * as v from 'valibot';
import type { ExecConsumer } from '../core/config.ts';
import type { CommandResult, UserIds } from '../core/contracts.ts';
import { AgentError, type ErrorInfo } from '../core/errors.ts';
import type { HookRun } from '../core/outcomes.ts';
import type { Secret } from '../core/secret.ts';
import { getent } from '../host/users.ts';
import { hasSystemd, runTool } from '../host/tool.ts';
import { judgeCommand } from '../paths/command.ts';
import { ask, ERROR } from './ask.ts';
import {
  failed,
  userNamed,
  type NotifyAttempt,
  type NotifyDeps,
  type NotifyRequest,
  type NotifyResult,
  type PreparedNotification,
} from './contract.ts';

/** Runs a consumer's program: notified when it ends with exit code 0. */
export async function prepareExec(
  deps: NotifyDeps,
  consumer: ExecConsumer,
  attempt: NotifyAttempt,
): Promise<PreparedNotification> {
  const user = await userOf(deps, consumer);
  const mayHang = await refuseUnsafe(deps, consumer.command, attempt.signal);
  return {
    action: `run ${consumer.command[0] ?? ''}`,
    processes: [],
    send: () => run(deps, { ...attempt, consumer, user, mayHang }),
    [Symbol.dispose]: () => undefined,
  };
}

interface HookAttempt extends NotifyAttempt {
  readonly consumer: ExecConsumer;
  readonly user: UserIds;
  readonly mayHang: boolean;
}

async function run(deps: NotifyDeps, attempt: HookAttempt): Promise<NotifyResult> {
  const { consumer } = attempt;
  // Below a service manager a unit of its own, which our unit's sandbox does not bind.
  const inUnit = deps.self.uid === 0 && hasSystemd(deps);
  const result = await (inUnit ? runInUnit : runHere)(deps, attempt);
  const hook = hookRun(deps, result);
  if (result.exitCode !== 0) return { result: 'pending', kind: 'refused', error: failure(consumer, result), hook };
  return { result: 'notified', detail: `${consumer.command[0] ?? ''} ended with exit code 0`, hook };
}

function hookRun({ clock, secrets = () => [] }: NotifyDeps, { exitCode, output, complaint }: CommandResult): HookRun {
  const printed = [output, complaint].map((text) => mask(text, secrets())).join('');
  return { at: clock.now(), ...(exitCode !== null && { exitCode }), output: printed.slice(-KEPT) };
}

function failure({ command: [program = ''], timeout }: ExecConsumer, result: CommandResult): ErrorInfo {
  const hint = 'sudo credrotate status shows what it printed';
  if (!result.timedOut) {
    return failed(`${program}: expected exit code 0, got ${result.exitCode ?? result.signal}`, hint).toInfo();
  }
  const message = `${program}: expected an end within ${timeout / 1000} s, got none`;
  return { code: 'CONSUMER_TIMEOUT', message, hint: `see what it waits for, or raise timeout; ${hint}` };
}

async function userOf(deps: NotifyDeps, { user }: ExecConsumer): Promise<UserIds> {
  const { self } = deps;
  const ids = user === undefined ? self : await userNamed(deps, 'user', user);
  if (self.uid === 0 || ids.uid === self.uid) return ids;
  throw failed(`user: expected uid ${self.uid}, who the agent runs as, got ${user}`, 'run the agent as root');
}

const FAULTS = v.object({ faults: v.array(v.object({ path: v.string(), isMissing: v.boolean(), error: ERROR })) });

/**
 * A user who can change the program, or rename a directory above it, gets its rights. Resolves to whether even its start
 * may hang. Rejects with CONSUMER_UNSAFE, CONSUMER_UNINSPECTABLE and CONSUMER_FAILED.
 */
async function refuseUnsafe(deps: NotifyDeps, command: readonly string[], signal: AbortSignal): Promise<boolean> {
  const { uid } = deps.self;
  const faults = judgeCommand(command, { uid, mayWait: uid !== 0 });
  const at = faults.find(({ mount }) => mount !== undefined)?.mount;
  const looked = at === undefined ? { faults } : await ask(deps, { kind: 'judge', command }, FAULTS, { at, signal });
  const [fault] = looked.faults;
  if (!fault) return at !== undefined;
  const { path, error, isMissing } = fault;
  if (isMissing) throw failed(`${path}: expected a program, got no such file`, 'install it, or correct the command');
  throw new AgentError(error.code, error.message, error);
}

/** Between the timeout and the kill, as with {@link runHere}. */
const STOP_TIMEOUT = '1s';

/** The manager ends the unit at the timeout, even if we end before. It refuses two of one name at a time. */
async function runInUnit(deps: NotifyDeps, { consumer, request, signal, user }: HookAttempt): Promise<CommandResult> {
  const [program = '', ...args] = consumer.command;
  const { name, timeout } = consumer;
  // Names of consumers may hold what names of units may not.
  const unit = `credrotate-notify-${name.replace(/[^\w.-]/g, '_')}.service`;
  const command = [
    // --pipe: we mask its output before any journal gets it.
    ...['systemd-run', '--wait', '--collect', '--quiet', '--pipe'],
    ...[`--unit=${unit}`, `--uid=${user.uid}`, '--service-type=exec'],
    ...[`--property=RuntimeMaxSec=${timeout}ms`, `--property=TimeoutStopSec=${STOP_TIMEOUT}`],
    ...Object.entries(contextOf(request)).map(([variable, value]) => `--setenv=${variable}=${value}`),
    '--',
    program,
    // The manager would replace $NAME in arguments.
    ...args.map((arg) => arg.replaceAll('$', '$$$$')),
  ];
  return await runTool(deps, command, { timeoutMs: timeout, signal, keep: READ });
}

/** setpriv sets all groups of the user, which Node's own spawn would drop. */
async function runHere(deps: NotifyDeps, attempt: HookAttempt): Promise<CommandResult> {
  const { consumer, request, signal, user, mayHang } = attempt;
  const other = user.uid !== deps.self.uid;
  const become = ['/usr/bin/setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--'];
  const env = { ...contextOf(request), ...(await accountOf(deps, user, signal)) };
  // Our spawn waits for execve: a start that hangs must hang in another process.
  const first = other ? become : mayHang ? ['/usr/bin/env', '--'] : [];
  const command = [...first, ...consumer.command];
  return await deps.commands.run(command, { env, timeoutMs: consumer.timeout, signal, keep: READ });
}

type HookEnvironment = Readonly<Record<string, string>>;

/** The kernel allows 128 KiB for a variable; a longer list of sinks is left out, so that the program can run. */
const MAX_LIST = 64 * 1024;

/** The environment of a hook: no secrets, and nothing of our own environment. */
function contextOf({ consumer, generation, reason, paths }: NotifyRequest): HookEnvironment {
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

/** The variables that a login sets, and systemd for a unit with a user. */
async function accountOf(deps: NotifyDeps, { uid }: UserIds, signal: AbortSignal): Promise<HookEnvironment> {
  const entry = await getent({ ...deps, signal }, 'passwd', String(uid)).catch(() => undefined);
  const [name = '', , , , , home = '', shell = ''] = entry ?? [];
  if (name === '') return { HOME: '/' };
  return { USER: name, LOGNAME: name, HOME: home, SHELL: shell };
}

/** Characters that are kept of an output, from its end. */
const KEPT = 4 * 1024;

/** Bytes that are read of it: enough to recognise a secret whose start is cut off. */
export const READ = 16 * 1024;

const MASK = '[secret]';

/** A word that may be or hold a secret: text, base64 of both alphabets, and the escapes of URLs and JSON. */
const WORD = /[A-Za-z0-9+/%_\\-]{8,}/g;

const KEY_ID = /\bA[A-Z]{3}[A-Z2-7]{12,}/g;

/** `aws_secret_access_key = …`, `"Token": "…"`, `Authorization: Bearer …`. */
const NAMED =
  /((?:secret|token|passw|credential|authorization|api_?key|access_?key)[\w.-]*["']?\s*[=:]+>?\s*["']?(?:Bearer\s+|Basic\s+)?)[^\s"',;]{4,}/gi;

/**
 * The end of a program's output, at most 4,096 characters: these secrets, parts of them, and everything like a key or a
 * token are masked.
 */
export function mask(output: string, secrets: readonly Secret[]): string {
  const isCut = Buffer.byteLength(output) >= READ;
  // The first word may be the end of a secret.
  const whole = isCut ? output.replace(/^\S*/, '') : output;
  const forms = secrets.flatMap((secret) => formsOf(secret.reveal()));
  return whole
    .replaceAll(WORD, (word) => (looksSecret(word) || isPart(word, forms) ? MASK : word))
    .replaceAll(KEY_ID, MASK)
    .replaceAll(NAMED, `$1${MASK}`)
    .slice(-KEPT);
}

/** Like the 40 random characters of base64 in a secret key. */
function looksSecret(word: string): boolean {
  const long = 32;
  return word.length >= long && /[a-z]/.test(word) && /[A-Z]/.test(word) && /\d/.test(word);
}

function isPart(word: string, forms: readonly string[]): boolean {
  const plain = word
    .replaceAll('\\', '')
    .replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const standard = plain.replaceAll('-', '+').replaceAll('_', '/');
  return [plain, standard].some((text) => forms.some((form) => form.includes(text) || text.includes(form)));
}

/** The secret, and its base64 at each offset in a longer text: three bytes become four characters. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const encoded = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    return text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
  });
  return [secret, ...encoded];
}
