import { constants } from 'node:os';
import type { SignalName } from '../core/config.ts';
import type { ProcessFacts } from './proc.ts';

/** A runtime that handles signals in every program, or a program that passes them on: its handler proves nothing. */
export interface Runtime {
  readonly name: string;
  /** The program that it runs dies of the signal, even if ExecReload= sends it. */
  readonly isWrapper?: true;
  /** Texts, one of which is in its executable or in its list of maps; empty: not looked for. */
  readonly marks: readonly string[];
  readonly condition?: (facts: ProcessFacts) => boolean;
  /** Its own reaction: "got PHP, which …". Signals that are left out reach the program. */
  readonly signals: Partial<Readonly<Record<SignalName, string>>>;
}

const ENDS = 'ends on it in every program that does not ask for it';
const PASSES = 'passes it on to what it runs';
const KEEPS = 'keeps it from what it runs';
const NOTHING = 'takes it without doing anything, in every program that does not ask for it';

/**
 * Each was run in Debian 12, except .NET, which is by its documentation; docs/applications.md has the same table. Signal
 * masks are enough for: Perl, Python, Lua, Tcl, Mono, Bun, tini, runsv, nohup, setsid, ionice.
 */
const RUNTIMES: readonly Runtime[] = [
  {
    name: 'Go',
    marks: [],
    condition: catchesRealTime,
    signals: { ...on(ENDS, 'SIGHUP', 'SIGINT', 'SIGTERM', 'SIGQUIT'), ...on(NOTHING, 'SIGUSR1', 'SIGUSR2') },
  },
  {
    name: 'Java',
    marks: ['libjvm.so'],
    signals: { ...on(ENDS, 'SIGHUP', 'SIGINT', 'SIGTERM'), SIGUSR2: NOTHING, SIGQUIT: 'prints its threads on it' },
  },
  { name: 'Ruby', marks: ['libruby', 'RUBYOPT'], signals: all(ENDS) },
  { name: 'PHP on the command line', marks: ['PHP_CLI_SERVER_WORKERS'], signals: all(ENDS) },
  {
    name: 'Node.js',
    marks: ['node::inspector', 'libnode.so'],
    signals: { SIGUSR1: 'opens its debugger on it, to every user of this host' },
  },
  { name: 'Deno', marks: ['DENO_DIR'], signals: { ...on(ENDS, 'SIGHUP', 'SIGINT', 'SIGTERM'), SIGUSR1: NOTHING } },
  {
    name: "Erlang's BEAM",
    marks: ['erl_crash.dump'],
    signals: { SIGUSR1: 'ends on it, with a crash dump', ...on(ENDS, 'SIGINT', 'SIGTERM', 'SIGQUIT') },
  },
  { name: 'R', marks: ['libR.so'], signals: { ...on('ends on it', 'SIGUSR1', 'SIGUSR2'), SIGINT: ENDS } },
  { name: '.NET', marks: ['libcoreclr.so'], signals: on(ENDS, 'SIGHUP', 'SIGINT', 'SIGTERM', 'SIGQUIT') },
  { name: 'zsh', marks: ['ZSH_VERSION'], signals: { SIGHUP: 'ends on it in every script without a trap for it' } },
  { name: 'sudo', isWrapper: true, marks: ['SUDO_ASKPASS'], signals: all(PASSES) },
  { name: 'su or runuser', isWrapper: true, marks: ['Session terminated, killing shell'], signals: all(KEEPS) },
  { name: 'timeout', isWrapper: true, marks: ['sending signal %s to command'], signals: all(PASSES) },
  { name: 'dumb-init', isWrapper: true, marks: ['DUMB_INIT_DEBUG'], signals: all(PASSES) },
  { name: 'catatonit', isWrapper: true, marks: ['catatonit'], signals: all(PASSES) },
  { name: "s6's supervisor", isWrapper: true, marks: ['s6-supervise'], signals: all(KEEPS) },
  {
    name: "runit's runsvdir",
    isWrapper: true,
    marks: ['runsvdir'],
    condition: ({ name }) => name === 'runsvdir',
    signals: { SIGHUP: 'ends all that it runs', SIGTERM: 'leaves all that it runs alone' },
  },
  {
    name: 'supervisord',
    isWrapper: true,
    marks: ['PYTHONHOME'],
    condition: ({ name }) => name === 'supervisord',
    signals: {
      SIGHUP: 'restarts all that it runs',
      ...on('ends all that it runs', 'SIGTERM', 'SIGINT', 'SIGQUIT'),
    },
  },
  {
    name: 'a program that catches every signal, as a shell with an EXIT trap does',
    marks: [],
    condition: catchesAll,
    signals: all('may end on it'),
  },
];

export const MARKS: readonly string[] = RUNTIMES.flatMap(({ marks }) => marks);

/** Recognises a runtime by its signal sets and by the marks found in it, one a line. */
export function recognise(facts: ProcessFacts, found: string): Runtime | undefined {
  const marks = new Set(found.split('\n'));
  return RUNTIMES.find(
    ({ marks: any, condition }) =>
      (any.length === 0 || any.some((mark) => marks.has(mark))) && (condition?.(facts) ?? true),
  );
}

function on(effect: string, ...signals: SignalName[]): Runtime['signals'] {
  return Object.fromEntries(signals.map((signal) => [signal, effect]));
}

function all(effect: string): Runtime['signals'] {
  return on(effect, 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGTERM', 'SIGQUIT');
}

/** Signals 35 to 64: no program has a use for all of them, but Go's runtime catches every signal. */
function catchesRealTime({ caught }: ProcessFacts): boolean {
  const realTime = ((1n << 30n) - 1n) << 34n;
  return (caught & realTime) === realTime;
}

/** Only a program that cleans up whatever ends it has a use for all of these. */
function catchesAll({ caught }: ProcessFacts): boolean {
  const { SIGHUP, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGSYS } = constants.signals;
  return [SIGHUP, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU, SIGSYS].every(
    (signal) => (caught & (1n << BigInt(signal - 1))) !== 0n,
  );
}
