import * as v from 'valibot';
import { LOG_LEVELS, SIGNALS } from '../core/config.ts';
import { readEndpoint } from '../core/endpoint.ts';
import {
  choice,
  command,
  duration,
  expectation,
  flag,
  listOf,
  mapping,
  name,
  option,
  owner,
  path,
  required,
  text,
  unchecked,
  withoutLists,
  word,
} from './fields.ts';
import { oneOf } from './problem.ts';
import { readSignal, readTextfile, readUnit } from './scalars.ts';
import { sink, sinkOfAnyFormat } from './sink-schema.ts';
import { expectAccount, source, sourceOfAnyType } from './source-schema.ts';

const ofConsumers = {
  when: option(
    'changed: with every rotation; expiring: when the credentials that it knows are about to expire. ' +
      'Left out: expiring where the unit is restarted, changed everywhere else.',
    choice('changed', 'expiring'),
  ),
  before: option(
    'For when: expiring, the time that is left then. Left out: a third of the lifetime.',
    duration('1s', '12h'),
  ),
  after: option('Consumers of the same files that are notified first.', listOf(name, 'consumers', 'name')),
};

const signal = text(`a signal: ${oneOf(SIGNALS)}`, readSignal, {
  enum: SIGNALS.flatMap((name) => [name, name.slice('SIG'.length)]),
});

const systemd = mapping({
  type: v.literal('systemd'),
  ...ofConsumers,
  unit: required('The unit; without a type it is a service.', text('a systemd unit such as myapp.service', readUnit)),
  action: option(
    'What to do with the unit; kill sends a signal to its main process.',
    choice('try-reload-or-restart', 'reload', 'restart', 'kill'),
    'try-reload-or-restart',
  ),
  signal: option('For action: kill.', signal),
  handles_signal: option(
    'Say that the main process handles what action: kill, or the ExecReload= of the unit, sends.',
    flag,
    false,
  ),
  user: option("The user whose service manager has the unit, a name or a numeric id. Left out: the system's.", owner),
});

const signalled = mapping({
  type: v.literal('signal'),
  ...ofConsumers,
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
    'Say that the program handles the signal, if that cannot be seen: Go, Java, a shell, sigwait.',
    flag,
    false,
  ),
});

const exec = mapping({
  type: v.literal('exec'),
  ...ofConsumers,
  command: required('Program, an absolute path, and arguments; there is no shell.', command),
  user: option('The user to run it as, a name or a numeric id. Left out: as the agent.', owner),
  timeout: option('How long it may run before it is ended.', duration('1s', '1h'), '60s'),
});

const TYPES = ['systemd', 'signal', 'exec'];

export const consumer = withoutLists(
  v.variant('type', [systemd, signalled, exec], ({ path: at }) => expectation(at ? oneOf(TYPES) : 'keys and values')),
);

/** A consumer of an unknown type: finds the mistakes that are mistakes in every type. */
const consumerOfAnyType = mapping({
  ...unchecked(systemd.entries, signalled.entries, exec.entries),
  ...ofConsumers,
});

export type ConsumerSettings = v.InferOutput<typeof consumer>;

const SCHEDULE = 'a cron pattern, or keys and values: pattern and timezone';

const schedule = v.union(
  [
    v.string(),
    mapping({
      pattern: required('A cron pattern such as "0 */6 * * *".', v.string()),
      timezone: option('The time zone of the pattern, such as Europe/Berlin.', v.string()),
    }),
  ],
  expectation(SCHEDULE),
);

const ATTEMPTS = 'a whole number from 1 to 20';

const imds = mapping({
  endpoint: option(
    'Base URL of the metadata service. Left out, AWS_EC2_METADATA_SERVICE_ENDPOINT and endpoint_mode decide.',
    text('a URL such as http://127.0.0.1:1338', readEndpoint, { pattern: '^http://' }),
  ),
  endpoint_mode: option(
    'Which of the two known addresses to ask: 169.254.169.254 or fd00:ec2::254.',
    choice('ipv4', 'ipv6'),
  ),
  role: option(
    'The role to ask for. Left out, the metadata service names it.',
    word('the name of a role', /^[\w+=,.@-]{1,128}$/),
  ),
  allow_any_endpoint: option(
    'Accept an endpoint that is neither loopback nor one of the two known addresses.',
    flag,
    false,
  ),
  v1: option('Whether to fall back to IMDSv1, which needs no token.', choice('deny', 'allow'), 'deny'),
  timeout: option(
    'How long one request may take. Left out: AWS_METADATA_SERVICE_TIMEOUT, or 1s.',
    duration('50ms', '30s'),
  ),
  attempts: option(
    'How often one request is tried, the first time included. Left out: AWS_METADATA_SERVICE_NUM_ATTEMPTS, or 4.',
    v.pipe(v.number(ATTEMPTS), v.integer(ATTEMPTS), v.minValue(1, ATTEMPTS), v.maxValue(20, ATTEMPTS)),
  ),
  expect_account: expectAccount,
});

const refresh = mapping({
  max_interval: option('The longest time between two passes.', duration('1s', '24h'), '5m'),
  before_expiry: option(
    'How long before their expiration credentials are refreshed. Left out, it follows from their lifetime.',
    duration('1s', '12h'),
  ),
  schedule: option('A cron pattern for additional passes, or {pattern, timezone}.', schedule),
});

const log = mapping({
  level: option('The least important lines to write.', choice(...LOG_LEVELS), 'info'),
  format: option(
    'How lines are written. auto: for journald where it listens, as text elsewhere.',
    choice('auto', 'text', 'json', 'journald'),
    'auto',
  ),
});

const lockdown = mapping({
  allow_users: option('Users that reach the metadata service beside root.', listOf(owner, 'users', 'cwagent'), []),
  containers: option('Whether forwarded traffic (containers, VMs) reaches it.', choice('allow', 'deny'), 'allow'),
});

const metrics = mapping({
  textfile: option(
    'A file for the textfile collector of node_exporter. Left out: none is written.',
    text('an absolute path that ends in .prom', readTextfile, { pattern: '^/.*\\.prom$' }),
  ),
});

/** A configuration file, or several joined. Defaults that depend on other settings are in build.ts. */
export const file = mapping({
  sources: option(
    'Where credentials come from beside the instance, by name: `instance` needs no entry.',
    withoutLists(v.record(name, source, expectation('sources by name'))),
    {},
  ),
  sinks: option('The files to keep equal to the credentials.', v.array(sink, expectation('a list of sinks')), []),
  consumers: option(
    'The processes to notify when their sinks changed, by name.',
    withoutLists(v.record(name, consumer, expectation('consumers by name'))),
    {},
  ),
  trusted_groups: option(
    'Groups whose members may write in the directories of sinks, as the owners of these may. They can delete a sink or put another file in its place, which is noticed, but read no sink by that.',
    listOf(owner, 'groups', 'staff'),
    [],
  ),
  private_volumes: option(
    'Volumes that are this pod’s alone, by their mount points. Others can write in them, as in every emptyDir: the agent, which must not be root there, makes a directory of its own in them.',
    listOf(path, 'absolute paths', '/creds'),
    [],
  ),
  imds: option('The instance metadata service.', imds, {}),
  refresh: option('When to make a pass.', refresh, {}),
  startup_wait: option(
    'How long the start waits for the first credentials before the boot continues.',
    duration('0s', '1h'),
    '60s',
  ),
  lockdown: option('Who reaches the metadata service once `credrotate lockdown apply` was called.', lockdown, {}),
  log: option('Lines on standard error.', log, {}),
  metrics: option('Numbers for Prometheus.', metrics, {}),
});

/** The settings of sources, sinks and consumers of every kind: checks all others where the kind is misspelt. */
export const anyKind = v.looseObject({
  sources: v.exactOptional(withoutLists(v.record(v.string(), sourceOfAnyType))),
  sinks: v.exactOptional(v.array(sinkOfAnyFormat)),
  consumers: v.exactOptional(withoutLists(v.record(v.string(), consumerOfAnyType))),
});

export type ConfigFile = v.InferOutput<typeof file>;
