import * as v from 'valibot';
import {
  choice,
  expectation,
  duration,
  flag,
  mapping,
  option,
  owner,
  required,
  text,
  withoutLists,
  word,
} from './fields.ts';
import { consumer, consumerName, consumerOfAnyType } from './schema-consumers.ts';
import { sink, sinkOfAnyFormat } from './schema-sinks.ts';
import { readEndpoint, readTextfile } from './scalars.ts';

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
    attempts(),
  ),
});

function attempts(): v.GenericSchema<number> {
  const expected = expectation('a whole number from 1 to 20');
  return v.pipe(v.number(expected), v.integer(expected), v.minValue(1, expected), v.maxValue(20, expected));
}

const refresh = mapping({
  max_interval: option('The longest time between two passes.', duration('1s', '24h'), '5m'),
  before_expiry: option(
    'How long before they expire credentials are refreshed. Left out, it follows from their lifetime.',
    duration('1s', '12h'),
  ),
  schedule: option('A cron pattern for passes beside the others, or {pattern, timezone}.', schedule),
});

const log = mapping({
  level: option('The least important lines to write.', choice('error', 'warn', 'info', 'debug'), 'info'),
  format: option(
    'How lines are written. auto: for journald where it listens, as text elsewhere.',
    choice('auto', 'text', 'json', 'journald'),
    'auto',
  ),
});

const lockdown = mapping({
  allow_users: option(
    'Users that reach the metadata service beside root.',
    v.array(owner, expectation('a list of users', 'put the name in brackets: [cwagent]')),
    [],
  ),
  containers: option(
    'Whether containers, and other network namespaces that this machine forwards for, reach it.',
    choice('allow', 'deny'),
    'allow',
  ),
});

const metrics = mapping({
  textfile: option(
    'A file for the textfile collector of node_exporter. Left out: none is written.',
    text('an absolute path that ends in .prom', readTextfile, { pattern: '^/.*\\.prom$' }),
  ),
});

/** One configuration file, or several joined. Defaults that depend on other settings are in build.ts. */
export const file = mapping({
  sinks: option('The files to keep equal to the credentials.', v.array(sink, expectation('a list of sinks')), []),
  consumers: option(
    'The processes to notify when their sinks changed, by name.',
    withoutLists(v.record(consumerName, consumer, expectation('consumers by name'))),
    {},
  ),
  trusted_groups: option(
    'Groups whose members may write in the directories of sinks, as the owners of these may. They can delete a sink or put another file in its place, which is noticed, but read no sink by that.',
    v.array(owner, expectation('a list of groups', 'put the name in brackets: [staff]')),
    [],
  ),
  imds: option('The instance metadata service.', imds, {}),
  refresh: option('When to make a pass.', refresh, {}),
  startup_wait: option(
    'How long the start waits for the first credentials before the boot goes on.',
    duration('0s', '1h'),
    '60s',
  ),
  lockdown: option('Who reaches the metadata service once `credrotate lockdown apply` was called.', lockdown, {}),
  log: option('Lines on standard error.', log, {}),
  metrics: option('Numbers for Prometheus.', metrics, {}),
});

/** What holds for sinks and consumers of every kind: of one whose kind is misspelt, all else is checked by this. */
export const anyKind = v.looseObject({
  sinks: v.exactOptional(v.array(sinkOfAnyFormat)),
  consumers: v.exactOptional(withoutLists(v.record(v.string(), consumerOfAnyType))),
});

export type File = v.InferOutput<typeof file>;
