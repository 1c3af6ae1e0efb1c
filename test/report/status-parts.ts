import type { StatusFacts } from '../../src/report/judge.ts';
import { judgeKeeper, type Sight } from '../../src/report/keeper.ts';
import type { ConsumerStatus, SinkStatus, Status } from '../../src/report/schema.ts';
import { NOON } from '../support/credentials.ts';

/** Parts of a status, as a pass leaves them that ended two minutes before noon. */

export function before(minutes: number, seconds = 0): string {
  return new Date(NOON - (minutes * 60 + seconds) * 1000).toISOString();
}

export const LAST_PASS = before(2);

export function statusOf(change: Partial<Status> = {}): Status {
  return {
    writtenAt: LAST_PASS,
    agent: AGENT,
    configuration: CONFIGURATION,
    generation: 7,
    source: sourceOf({}),
    lastPass: { at: LAST_PASS, trigger: 'scheduled', rotated: false, seconds: 0.021 },
    lastSuccess: LAST_PASS,
    nextPass: { at: before(-2, -40), reason: 'max_interval' },
    sinks: [sinkOf('/etc/myapp/credentials', { format: 'aws-credentials' }), sinkOf('/etc/myapp/aws.env')],
    consumers: [consumerOf('myapp', { type: 'systemd', detail: 'systemctl try-reload-or-restart myapp.service' })],
    counters: {
      imdsRequests: { 200: 1043, failed: 2 },
      sinkWrites: { '/etc/myapp/credentials': 7, '/etc/myapp/aws.env': 8 },
      notifications: { myapp: { notified: 7, pending: 1 } },
    },
    errors: [],
    ...change,
  };
}

const AGENT: Status['agent'] = { version: '0.1.0', pid: 812, startTime: 5_120, bootId: 'b', uid: 0, mode: 'run' };

export const CONFIGURATION: NonNullable<Status['configuration']> = {
  path: '/etc/credrotate/credrotate.yaml',
  files: ['/etc/credrotate/credrotate.yaml'],
  digest: 'd',
  meaning: 'm',
  onDisk: { state: 'in_force' },
};

/** As an agent that is there leaves them; a one-shot whose timer is active. */
export function factsOf(status: Status, change: Partial<StatusFacts> = {}): StatusFacts {
  const sight: Sight = { process: 'alive', ...(status.agent.mode === 'once' && { timer: { state: 'waiting' } }) };
  return {
    status,
    keeper: judgeKeeper(status, sight, NOON),
    onDisk: status.configuration?.onDisk,
    hasUnits: true,
    ...change,
  };
}

export function sourceOf(change: Partial<Status['source']>): Status['source'] {
  return {
    state: 'ok',
    since: before(48),
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

/** Written so many minutes ago, and read two seconds later. */
export function readOnce(minutes: number): Pick<SinkStatus, 'writtenAt' | 'evidence'> {
  const writtenAt = before(minutes);
  return { writtenAt, evidence: { kind: 'read', writtenAt, readAt: before(minutes, -2) } };
}

export function consumerOf(name: string, change: Partial<ConsumerStatus> = {}): ConsumerStatus {
  return {
    name,
    type: 'signal',
    sinks: ['/etc/myapp/aws.env'],
    result: 'notified',
    generation: 7,
    known: { generation: 7, at: before(48), expiration: before(-312), by: 'notified' },
    notReading: false,
    ...change,
  };
}
