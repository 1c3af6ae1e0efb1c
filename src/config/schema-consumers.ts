import * as v from 'valibot';
import {
  choice,
  duration,
  expectation,
  flag,
  mapping,
  option,
  owner,
  path,
  quote,
  required,
  text,
  unchecked,
  withoutLists,
  word,
} from './fields.ts';
import { readArgument, readSignal, readUnit, SIGNALS } from './scalars.ts';
import { oneOf } from './show.ts';

export const consumerName = word('a name of letters, digits and . _ -', /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);

const common = {
  when: option(
    'changed: with every rotation; expiring: when the credentials that it knows are about to expire. ' +
      'Left out: expiring where notifying restarts the unit, changed for all else.',
    choice('changed', 'expiring'),
  ),
  before: option(
    'For when: expiring, the time that is left then. Left out: a third of the lifetime.',
    duration('1s', '12h'),
  ),
  after: option(
    'Consumers of the same files that are notified first.',
    v.array(consumerName, expectation('a list of consumers', 'put the name in brackets: [name]')),
  ),
};

const signal = text(`a signal: ${oneOf(SIGNALS)}`, readSignal, {
  enum: SIGNALS.flatMap((name) => [name, name.slice('SIG'.length)]),
});

const systemd = mapping({
  type: v.literal('systemd'),
  ...common,
  unit: required('The unit; without a type it is a service.', text('a systemd unit such as myapp.service', readUnit)),
  action: option(
    'What is done to the unit; kill sends a signal to its main process.',
    choice('try-reload-or-restart', 'reload', 'restart', 'kill'),
    'try-reload-or-restart',
  ),
  signal: option('For action: kill.', signal),
  handles_signal: option(
    'You vouch that the main process handles what action: kill, or the ExecReload= of the unit, sends.',
    flag,
    false,
  ),
  user: option("The user whose service manager has the unit, a name or a numeric id. Left out: the system's.", owner),
});

const signalled = mapping({
  type: v.literal('signal'),
  ...common,
  signal: option('The signal to send.', signal, 'SIGHUP'),
  pid_file: option('The file that holds the process id. With process, both must agree.', path),
  process: option(
    'Every process of this executable; with pid_file, the one that it names.',
    mapping({
      exe: required('The executable, an absolute path.', path),
      user: option('Only those of this user, a name or a numeric id. Left out: any.', owner),
    }),
  ),
  handles_signal: option(
    'You vouch that the program handles the signal, where nobody can see it: Go, Java, a shell, sigwait.',
    flag,
    false,
  ),
});

const argument = text('text', readArgument, {}, quote);
const COMMAND = 'a list of program and arguments';

const exec = mapping({
  type: v.literal('exec'),
  ...common,
  command: required(
    'Program, an absolute path, and arguments; there is no shell.',
    v.tupleWithRest([path], argument, ({ input }) => expectation(COMMAND, commandHint(input))),
  ),
  user: option('The user to run it as, a name or a numeric id. Left out: as the agent.', owner),
  timeout: option('How long it may run before it is ended.', duration('1s', '1h'), '60s'),
});

/** How a command line is written as a list. */
function commandHint(input: unknown): string {
  const shell = 'there is no shell: [/bin/sh, -c, "…"] runs one';
  if (typeof input !== 'string' || /[^\w\s./:=@%+,-]/.test(input) || input.length > 60) return shell;
  return `write ${JSON.stringify(input.trim().split(/\s+/)).replaceAll('","', '", "')}`;
}

const TYPES = ['systemd', 'signal', 'exec'];

export const consumer = withoutLists(
  v.variant('type', [systemd, signalled, exec], ({ path: at }) => expectation(at ? oneOf(TYPES) : 'keys and values')),
);

/** A consumer whose type is not known: what is wrong with it whatever it is to be. */
export const consumerOfAnyType = mapping({
  ...unchecked(systemd.entries, signalled.entries, exec.entries),
  ...common,
});

export type ConsumerSettings = v.InferOutput<typeof consumer>;
