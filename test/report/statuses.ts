import type { ConsumerStatus, SinkStatus, Status } from '../../src/report/status.ts';
import { NOON } from '../support/credentials.ts';

/** Statuses for tests, as a pass leaves them that ended two minutes before noon. */

export function before(minutes: number, seconds = 0): string {
  return new Date(NOON - (minutes * 60 + seconds) * 1000).toISOString();
}

const LAST_PASS = before(2);

export function statusOf(change: Partial<Status> = {}): Status {
  return {
    version: 1,
    writtenAt: LAST_PASS,
    agent: { version: '0.1.0', pid: 812, mode: 'run' },
    generation: 7,
    source: sourceOf({}),
    lastPass: { at: LAST_PASS, trigger: 'scheduled', rotated: false, seconds: 0.021 },
    lastSuccess: LAST_PASS,
    nextPass: { at: before(-2, -40), reason: 'max_interval' },
    sinks: [sinkOf('/root/.aws/credentials', { format: 'aws-credentials' }), sinkOf('/etc/myapp/aws.env')],
    consumers: [consumerOf('myapp', { type: 'systemd', detail: 'systemctl try-reload-or-restart myapp.service' })],
    counters: {
      imdsRequests: { 200: 1043, failed: 2 },
      sinkWrites: { '/root/.aws/credentials': 7, '/etc/myapp/aws.env': 8 },
      notifications: { myapp: { told: 7, pending: 1 } },
    },
    errors: [],
    ...change,
  };
}

export function sourceOf(change: Partial<Status['source']>): Status['source'] {
  return {
    state: 'ok',
    origin: { role: 'web-server', accountId: '123456789012', instanceId: 'i-0123456789abcdef0' },
    keyId: '…WXYZ',
    expiration: before(-5 * 60 - 12),
    fetchedAt: before(48),
    ...change,
  };
}

export function sinkOf(path: string, change: Partial<SinkStatus> = {}): SinkStatus {
  return {
    path,
    format: 'dotenv',
    result: 'unchanged',
    drift: [],
    warnings: [],
    writtenAt: before(48),
    evidence: { kind: 'read', writtenAt: before(48), readAt: before(47, 58) },
    ...change,
  };
}

export function consumerOf(name: string, change: Partial<ConsumerStatus> = {}): ConsumerStatus {
  return {
    name,
    type: 'signal',
    sinks: ['/etc/myapp/aws.env'],
    result: 'told',
    generation: 7,
    known: { generation: 7, at: before(48), expiration: before(-312), by: 'told' },
    deaf: false,
    ...change,
  };
}

const FORMER = { generation: 6, at: before(110), expiration: before(-250), by: 'told' } as const;

function without(names: readonly (keyof Status)[], change: Partial<Status>): Status {
  const entries = Object.entries(statusOf(change)).filter(([name]) => !names.some((other) => other === name));
  // The names are of such as may be missing.
  return Object.fromEntries(entries) as unknown as Status;
}

/** One for each picture in golden/. */
export const STATUSES: Readonly<Record<string, Status>> = {
  ok: statusOf(),
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
        hint: 'attach an instance profile',
      },
    }),
    sinks: [sinkOf('/root/.aws/credentials', { result: 'unknown' })],
    consumers: [],
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
    writtenAt: before(3000),
    lastPass: { at: before(200), trigger: 'start', rotated: false, seconds: 1 },
    nextPass: { at: before(195), reason: 'max_interval' },
  }),
  'sink-refused': statusOf({
    sinks: [
      sinkOf('/root/.aws/credentials', { format: 'aws-credentials', result: 'repaired', writtenAt: before(2) }),
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
    ],
    consumers: [
      consumerOf('legacy', {
        result: 'pending',
        known: FORMER,
        owedSince: before(48),
        stale: [4711, 4712, 4713, 4714, 4715, 4716].map((pid) => ({ pid, startedAt: before(3 * 1440 + 17) })),
        error: {
          code: 'CONSUMER_WOULD_DIE',
          message: 'pid 4711: expected a handler for SIGHUP, got none: the signal would end it',
          hint: 'have systemd restart it; or, if a thread of it waits for the signal with sigwait, say handles_signal: true',
        },
      }),
      consumerOf('web', { deaf: true, detail: 'SIGHUP to pid 901' }),
      consumerOf('worker', { type: 'systemd', result: 'waiting', known: FORMER, owedSince: before(48), deaf: false }),
      consumerOf('batch', { type: 'exec', result: 'absent', known: { ...FORMER, generation: 7, by: 'absent' } }),
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
  'nothing-yet': without(['nextPass', 'lastSuccess'], {
    generation: 0,
    agent: { version: '0.1.0', pid: 812, mode: 'once' },
    source: {
      state: 'unreachable',
      origin: {},
      error: { code: 'IMDS_UNREACHABLE', message: 'expected an answer, got none' },
    },
    lastPass: { at: LAST_PASS, trigger: 'once', rotated: false, seconds: 5 },
    sinks: [{ path: '/root/.aws/credentials', format: 'aws-credentials', result: 'unknown', drift: [], warnings: [] }],
    consumers: [{ name: 'myapp', type: 'systemd', sinks: ['/root/.aws/credentials'] }],
  }),
};
