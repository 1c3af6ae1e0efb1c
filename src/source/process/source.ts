import type { ProcessConfig } from '../../core/config.ts';
import type { CommandResult, FailedFetch, Fetched, Source } from '../../core/contracts.ts';
import type { Credentials } from '../../core/credentials.ts';
import { AgentError, describeForeign, isErrno, type ErrorCode } from '../../core/errors.ts';
import { mask } from '../../core/mask.ts';
import { printable } from '../../core/printable.ts';
import { Secret } from '../../core/secret.ts';
import { programUser, refuseUnsafe, runProgram } from '../../host/program.ts';
import { credentialsIn, parseFields, type Refuse } from '../document.ts';
import { denied, malformed, refuseExpired, unreachable } from '../faults.ts';
import { outcomeOf } from '../outcome.ts';
import type { OwnDeps } from '../contract.ts';
import { readVariables } from './variables.ts';

/** Bytes; real helpers print less than 4 KiB. */
const MOST = 64 * 1024;

/** Between two runs. Helpers open browsers, and share a keyring and a quota. */
const REST_MS = 10_000;

/** A helper has it in its environment: one that asks us would run itself. */
const RUNS_FOR = 'CREDROTATE_SOURCE';

/** A program of the AWS SDKs that asks for credentials must not take those, or the profile, of somebody else. */
const UNSET = [
  ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN'],
  ...['AWS_PROFILE', 'AWS_DEFAULT_PROFILE', 'AWS_VAULT', 'AWS_CREDENTIAL_EXPIRATION'],
];

/** Runs a program that prints credentials, at most every ten seconds: who asks sooner gets the same answer. */
export function createProcessSource(config: ProcessConfig, deps: OwnDeps): Source {
  const { clock } = deps;
  let last: { readonly at: number; readonly fetched: Fetched } | undefined;
  return {
    isIssuer: true,
    async fetch(signal) {
      if (last && Math.abs(clock.now() - last.at) < REST_MS) return last.fetched;
      const fetched = await run(config, deps, signal).catch((error: unknown) => failedFetch(error, signal));
      last = { at: clock.now(), fetched };
      return fetched;
    },
    user: async () => (await programUser(deps, config.user, denied)).uid,
  };
}

async function run(config: ProcessConfig, deps: OwnDeps, signal: AbortSignal): Promise<Fetched> {
  const { command, timeout, name, environment } = config;
  const { env, self, clock, maxInterval } = deps;
  const runsFor = env[RUNS_FOR];
  if (runsFor !== undefined)
    throw denied(`expected to be asked by somebody else than the program of ${runsFor}`, CIRCLE);
  if (config.user === undefined && self.uid === 0)
    throw denied('user: expected the user who runs it, got none', NO_ROOT);
  const user = await programUser(deps, config.user, denied);
  const mayHang = await refuseUnsafe(deps, command, unreachable, signal);
  const hiddenEnv = await readVariables(deps, environment, user, signal);
  const program = { name: `source-${name}`, command, user, timeoutMs: timeout, env: { [RUNS_FOR]: name }, hiddenEnv };
  const startedAt = clock.now();
  const result = await runProgram(deps, { ...program, unset: UNSET, size: { most: MOST } }, mayHang, signal);
  refuseFailed(config, result, Object.values(hiddenEnv));
  const credentials = parse(config, result.output, { now: clock.now(), unknown: startedAt + maxInterval });
  return { ok: true, credentials, origin: { user: user.uid } };
}

const CIRCLE = 'have the program ask something else than credrotate';
const NO_ROOT = 'name a user who has no other rights; root only if it must be';

/** The paths of programs are judged as those of consumers are. */
const OF_PROGRAM: Readonly<Partial<Record<ErrorCode, 'SOURCE_DENIED' | 'SOURCE_UNREACHABLE'>>> = {
  CONSUMER_UNSAFE: 'SOURCE_DENIED',
  CONSUMER_UNINSPECTABLE: 'SOURCE_UNREACHABLE',
};

function failedFetch(error: unknown, signal: AbortSignal): FailedFetch {
  signal.throwIfAborted();
  if (isErrno(error)) return outcomeOf(unreachable(`expected to start it, got ${describeForeign(error)}`, STARTING));
  const code = error instanceof AgentError && OF_PROGRAM[error.code];
  const own = code ? new AgentError(code, error.message, { hint: error.hint }) : error;
  return outcomeOf(own, own instanceof AgentError && own.code === 'SOURCE_DENIED' ? 'later' : undefined);
}

const STARTING = 'see whether the machine can start programs: memory, process limits; and setpriv, of util-linux';

function refuseFailed(config: ProcessConfig, result: CommandResult, hidden: string[]): void {
  const { command, timeout } = config;
  const [path = '', ...args] = command;
  const { exitCode, timedOut, output, complaint, signal } = result;
  const said = saying(complaint, { hidden, args });
  if (timedOut) {
    const hint = 'it may wait for somebody who types, or for a browser: run it by hand as its user; or raise timeout:';
    throw unreachable(`${path}: expected an end within ${timeout / 1000} s, got none${said}`, hint);
  }
  if (Buffer.byteLength(output) > MOST) {
    throw malformed(`${path}: expected at most ${MOST} bytes, got more`, 'see whether it prints something else too');
  }
  if (exitCode === 0) return;
  const message = `${path}: expected exit code 0, got ${exitCode ?? signal}${said}`;
  throw unreachable(message, 'run it by hand as its user, without a terminal: setsid -w … </dev/null');
}

/** A message is hardly longer. */
const LONGEST = 200;

/** A shorter argument is a flag. */
const ARGUMENT = 4;

interface Unshown {
  /** Values of variables, of which parts are not shown either. */
  readonly hidden: readonly string[];
  readonly args: readonly string[];
}

/** The last line of its standard error, unless something in it looks like a secret, or is one, or an argument. */
function saying(complaint: string, { hidden, args }: Unshown): string {
  const line =
    complaint
      .trimEnd()
      .split(/[\r\n]/)
      .at(-1)
      ?.trim() ?? '';
  if (line === '') return '';
  const secrets = hidden.filter((value) => value !== '').map((value) => new Secret(value));
  const isHarmless =
    line.length <= LONGEST &&
    mask(line, secrets) === line &&
    !hidden.some((value) => value !== '' && line.includes(value)) &&
    !args.some((arg) => arg.length >= ARGUMENT && line.includes(arg));
  return isHarmless ? `; it says: ${printable(line)}` : '; what it says is not shown, since it may hold a secret';
}

interface Times {
  readonly now: number;
  /** When credentials end of which nobody says when. */
  readonly unknown: number;
}

function parse({ command: [path = ''] }: ProcessConfig, output: string, { now, unknown }: Times): Credentials {
  const refuse: Refuse = (expected, got) =>
    malformed(
      `${path}: expected ${expected}, got ${got}`,
      'it must print what credential_process of the AWS SDKs takes',
    );
  const fields = parseFields(Buffer.from(output));
  if (fields === undefined)
    throw refuse('a JSON object and nothing else', output.trim() === '' ? 'nothing' : 'something else');
  if (fields.get('version') !== 1) throw refuse('Version 1', fields.has('version') ? 'another' : 'none');
  const credentials = credentialsIn(fields, ['SessionToken'], refuse, unknown);
  return refuseExpired(credentials, path, now, 'it may keep them in a cache of its own: run it by hand as its user');
}
