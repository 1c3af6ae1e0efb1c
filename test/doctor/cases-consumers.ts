import type { ErrorCode } from '../../src/core/errors.ts';
import type { Case } from './case.ts';
import { FACTS, PROFILE_SINK, SINK, withConsumer } from './facts.ts';

const ENV_FILE = { environmentFiles: [SINK.path] };
const ENV_SINK = { sinks: [{ path: SINK.path, format: 'dotenv' }] };
const KEY = { name: 'AWS_ACCESS_KEY_ID', from: 'Environment=' };

/** Findings about consumers, their units and programs. */
export const CONSUMER_CASES = {
  'unit-missing': {
    severity: 'error',
    triggers: [withConsumer({}, { isThere: false })],
    spares: [FACTS],
    evidence: /LoadState=not-found/,
  },
  'environment-shadows': {
    severity: 'error',
    triggers: [
      withConsumer({}, { environment: [KEY] }),
      withConsumer({}, { environment: [{ name: 'AWS_PROFILE', from: 'Environment=', value: 'other' }] }),
      withConsumer({}, { environment: [{ name: 'AWS_SHARED_CREDENTIALS_FILE', from: '/etc/x', value: '/old' }] }),
      withConsumer(ENV_SINK, { environmentFiles: [SINK.path, '/etc/x'], environment: [{ ...KEY, from: '/etc/x' }] }),
    ],
    spares: [
      withConsumer({}, { environment: [{ name: 'AWS_PROFILE', from: 'Environment=', value: 'default' }] }),
      withConsumer(
        {},
        { environment: [{ name: 'AWS_SHARED_CREDENTIALS_FILE', from: '/x', value: PROFILE_SINK.path }] },
      ),
      withConsumer(ENV_SINK, { ...ENV_FILE, environment: [KEY, { ...KEY, from: SINK.path }] }),
      withConsumer(ENV_SINK, { environmentFiles: ['/etc/x', SINK.path], environment: [{ ...KEY, from: '/etc/x' }] }),
    ],
    evidence: /^(Environment=|\/etc\/x): AWS_/,
  },
  'environment-file-reload': {
    severity: 'error',
    triggers: [withConsumer(ENV_SINK, ENV_FILE), withConsumer({ ...ENV_SINK, notifiedBy: 'signal' }, ENV_FILE)],
    spares: [withConsumer({ ...ENV_SINK, notifiedBy: 'restart' }, ENV_FILE), withConsumer(ENV_SINK)],
    evidence: /EnvironmentFile=\/etc\/app\/aws.env/,
  },
  'unit-cannot-reload': {
    severity: 'error',
    triggers: [withConsumer({}, { canReload: false, action: 'reload' })],
    spares: [withConsumer({}, { canReload: false, action: 'restart' })],
    evidence: /CanReload=no/,
  },
  'unit-stays-down': {
    severity: 'warning',
    triggers: [
      withConsumer(
        {
          notifiedBy: 'signal',
          processes: [{ pid: 9, error: { code: 'CONSUMER_WOULD_DIE', message: 'it would end' } }],
        },
        { restart: 'on-failure', action: 'kill' },
      ),
      withConsumer({ notifiedBy: 'signal', processes: [] }, { restart: 'no', action: 'kill' }),
    ],
    spares: [
      withConsumer({ notifiedBy: 'signal' }, { action: 'kill' }),
      withConsumer({}, { restart: 'no' }),
      withConsumer({ notifiedBy: 'signal', processes: [{ pid: 1 }] }, { restart: 'no' }),
    ],
    evidence: /Restart=(no|on-failure)/,
  },
  'signal-not-handled': {
    severity: 'error',
    triggers: ['CONSUMER_WOULD_DIE', 'CONSUMER_IGNORES'].map((code) =>
      withConsumer({ processes: [{ pid: 9, program: 'd', error: { code: code as ErrorCode, message: 'pid 9: no' } }] }),
    ),
    spares: [withConsumer({ processes: [{ pid: 9 }] })],
    evidence: /pid 9/,
  },
  'consumer-refused': {
    severity: 'error',
    triggers: [withConsumer({ trouble: { code: 'CONSUMER_MISMATCH', message: '/run/a.pid: not meant' } })],
    spares: [withConsumer({})],
    evidence: /^CONSUMER_MISMATCH/,
  },
  'never-rereads': {
    severity: 'warning',
    triggers: ['s3fs', 'rclone', 'vector', 'fluent-bit'].map((program) =>
      withConsumer({ processes: [{ pid: 8, program }] }),
    ),
    spares: [
      withConsumer({ notifiedBy: 'restart', processes: [{ pid: 8, program: 's3fs' }] }),
      withConsumer({ processes: [{ pid: 8, program: 'php-fpm8.2' }] }),
    ],
    evidence: /pid 8 runs /,
  },
} as const satisfies Record<string, Case>;
