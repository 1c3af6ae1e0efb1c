import type { ConsumerStatus, SinkStatus, Status } from '../../src/report/schema.ts';
import { before, consumerOf, LAST_PASS, readOnce, sinkOf, sourceOf, statusOf } from './status-parts.ts';

const FORMER = { generation: 6, at: before(110), expiration: before(-250), by: 'notified' } as const;

function without(names: readonly (keyof Status)[], change: Partial<Status>): Status {
  const entries = Object.entries(statusOf(change)).filter(([name]) => !names.some((other) => other === name));
  // The names are of such as may be missing.
  return Object.fromEntries(entries) as unknown as Status;
}

const LEGACY = consumerOf('legacy', { sinks: ['/var/lib/legacy/iam.json'], detail: 'SIGHUP to pid 901' });

/** The host of the README's example. */
function example(evidence: SinkStatus['evidence'], legacy: ConsumerStatus): Status {
  const { configuration, sinks, consumers } = statusOf();
  return statusOf({
    ...(configuration && { configuration: { ...configuration, files: ['/etc/credrotate/conf.d/sinks.yaml'] } }),
    sinks: [
      ...sinks.slice(0, 1),
      sinkOf('/var/lib/legacy/iam.json', { format: 'json', ...(evidence && { evidence }) }),
    ],
    consumers: [...consumers, legacy],
  });
}

const BACKUP = sourceOf({
  state: 'stale',
  since: before(12),
  origin: { role: 'backup', accountId: '210987654321', endpoint: 'https://sts.eu-west-1.amazonaws.com', user: 998 },
  keyId: '…QRST',
  expiration: before(-20),
  fetchedAt: before(40),
  error: { code: 'STS_THROTTLED', message: 'STS: expected an answer, got Throttling', hint: 'ask less often' },
});

/** One for each picture in golden/. */
export const STATUSES: Readonly<Record<string, Status>> = {
  ok: example(undefined, LEGACY),
  'not-reading': example({ kind: 'unread', writtenAt: before(48) }, { ...LEGACY, notReading: true }),
  stale: statusOf({
    source: sourceOf({
      state: 'stale',
      expiration: before(-41),
      fetchedAt: before(319),
      error: {
        code: 'IMDS_UNREACHABLE',
        message: 'GET http://169.254.169.254/latest/meta-data/iam/security-credentials/: expected an answer, got none',
        hint: 'see whether this machine is an EC2 instance whose metadata service is on, and whether a firewall closes it',
      },
      clockSkew: -250_000,
    }),
    nextPass: { at: before(-1), reason: 'retry' },
  }),
  expired: statusOf({
    source: sourceOf({
      state: 'no_role',
      expiration: before(12),
      fetchedAt: before(372),
      error: {
        code: 'IMDS_NO_ROLE',
        message: 'expected the name of a role, got none; the files keep the credentials of role web-server',
        hint: 'attach an instance profile to the instance: aws ec2 associate-iam-instance-profile',
      },
    }),
    sinks: [
      sinkOf('/etc/myapp/credentials', { format: 'aws-credentials', result: 'unknown', ...readOnce(372) }),
      sinkOf('/etc/myapp/aws.env', { result: 'unknown', ...readOnce(372) }),
    ],
    consumers: [
      consumerOf('myapp', {
        type: 'systemd',
        known: { generation: 7, at: before(372), expiration: before(12), by: 'notified' },
      }),
    ],
  }),
  'no-role': statusOf({
    source: sourceOf({
      state: 'no_role',
      error: {
        code: 'IMDS_NO_ROLE',
        message:
          'expected the name of a role, got none; the files keep the credentials of role web-server, good until 17:12',
        hint: 'attach an instance profile to the instance: aws ec2 associate-iam-instance-profile',
      },
    }),
  }),
  overdue: statusOf({
    writtenAt: before(200),
    source: sourceOf({ expiration: before(-130), fetchedAt: before(227) }),
    lastPass: { at: before(200), trigger: 'scheduled', rotated: false, seconds: 1 },
    lastSuccess: before(200),
    nextPass: { at: before(195), reason: 'max_interval' },
    sinks: [sinkOf('/etc/myapp/credentials', { format: 'aws-credentials', ...readOnce(227) })],
    consumers: [],
  }),
  'sink-refused': statusOf({
    sinks: [
      sinkOf('/etc/myapp/credentials', { format: 'aws-credentials', result: 'repaired', writtenAt: before(2) }),
      {
        path: '/home/alice/project/with/a/rather/long/path/that/goes/on/and/on/and/on/aws.env',
        format: 'dotenv',
        result: 'refused',
        drift: [],
        warnings: [],
        error: {
          code: 'SINK_UNSAFE_PATH',
          message:
            '/home/alice/project: expected a directory that one user controls, got one that group users (100) may write in',
          hint: 'take the right away (chmod g-w), or trust that group (trusted_groups: [users])',
        },
      },
      sinkOf('/srv/app/iam.json', {
        format: 'json',
        warnings: ['the file had other names (hard links): they keep the old credentials'],
      }),
    ],
  }),
  consumers: statusOf({
    sinks: [
      sinkOf('/etc/myapp/aws.env', { evidence: { kind: 'unread', writtenAt: before(48) } }),
      sinkOf('/srv/noatime/aws.env', { evidence: { kind: 'unknown', writtenAt: before(48) } }),
      sinkOf('/srv/app/aws.env', { evidence: { kind: 'unknown', writtenAt: before(48), untraced: ['worker'] } }),
    ],
    consumers: [
      consumerOf('legacy', {
        result: 'pending',
        known: FORMER,
        pendingSince: before(48),
        usingFormer: [4711, 4712, 4713, 4714, 4715, 4716].map((pid) => ({ pid, startedAt: before(3 * 1440 + 17) })),
        error: {
          code: 'CONSUMER_WOULD_DIE',
          message: 'pid 4711: expected a handler for SIGHUP, got none: the signal would end it',
          hint: 'have systemd restart it; or, if a thread of it waits for the signal with sigwait, say handles_signal: true',
        },
      }),
      consumerOf('web', { notReading: true, detail: 'SIGHUP to pid 901' }),
      consumerOf('worker', {
        type: 'systemd',
        result: 'scheduled',
        known: FORMER,
        pendingSince: before(48),
        notReading: false,
      }),
      consumerOf('batch', {
        type: 'exec',
        result: 'not_running',
        known: { ...FORMER, generation: 7, by: 'not_running' },
      }),
      { name: 'unused', type: 'exec', sinks: [] },
    ],
    errors: [
      {
        code: 'STATE_UNWRITABLE',
        message: '/var/lib/credrotate/state.json: cannot be written: ENOSPC on write',
        hint: 'free space',
      },
    ],
  }),
  'two-sources': statusOf({
    source: BACKUP,
    sources: [
      { ...sourceOf({}), name: 'instance', generation: 7, rotated: false },
      { ...BACKUP, name: 'backup', generation: 31, rotated: true },
    ],
    generation: 38,
    sinks: [
      sinkOf('/etc/myapp/credentials', { format: 'aws-credentials' }),
      sinkOf('/etc/backup/aws.env', { source: 'backup' }),
    ],
  }),
  'nothing-yet': without(['nextPass', 'lastSuccess'], {
    generation: 0,
    agent: { ...statusOf().agent, mode: 'once' },
    source: {
      state: 'unreachable',
      since: before(12),
      origin: {},
      error: {
        code: 'IMDS_UNREACHABLE',
        message: 'PUT http://169.254.169.254/latest/api/token: expected an answer within 1 s, got none',
        hint: 'see whether this machine is an EC2 instance whose metadata service is on, and whether a firewall closes it',
      },
    },
    lastPass: { at: LAST_PASS, trigger: 'once', rotated: false, seconds: 5 },
    sinks: [{ path: '/etc/myapp/credentials', format: 'aws-credentials', result: 'unknown', drift: [], warnings: [] }],
    consumers: [{ name: 'myapp', type: 'systemd', sinks: ['/etc/myapp/credentials'] }],
  }),
};
