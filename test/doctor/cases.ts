import type { FindingId } from '../../src/core/findings.ts';
import { CONSUMER_CASES } from './cases-consumers.ts';
import type { Case } from './case.ts';
import { FACTS, SINK, withMachine, withMetadata, withProfile, withSink } from './facts.ts';

const UNREACHABLE = {
  code: 'IMDS_UNREACHABLE',
  message: 'PUT: expected an answer, got none in time',
  hint: 'h',
} as const;

/** Each finding with what triggers it and what does not. */
export const CASES: Readonly<Partial<Record<FindingId, Case>>> = {
  ...CONSUMER_CASES,
  'source-failing': {
    severity: 'error',
    triggers: [withMetadata({ trouble: { code: 'IMDS_NO_ROLE', message: 'no role' } })],
    spares: [withMetadata({ trouble: UNREACHABLE }), FACTS],
    evidence: /^IMDS_NO_ROLE: no role$/,
  },
  'token-unusable': {
    severity: 'error',
    triggers: [
      { ...FACTS, sources: [{ name: 'pod', token: { code: 'CREDENTIALS_EXPIRED', message: 'token_file: expired' } }] },
    ],
    spares: [{ ...FACTS, sources: [{ name: 'pod' }] }],
    evidence: /^CREDENTIALS_EXPIRED: token_file: expired$/,
  },
  'helper-refused': {
    severity: 'error',
    triggers: [
      {
        ...FACTS,
        sources: [{ name: 'pod', helper: { code: 'CONSUMER_UNSAFE', message: '/home/a/x: expected root' } }],
      },
    ],
    spares: [{ ...FACTS, sources: [{ name: 'pod', program: 'x' }] }],
    evidence: /^CONSUMER_UNSAFE: \/home\/a\/x: expected root$/,
  },
  'helper-asks': {
    severity: 'warning',
    triggers: [{ ...FACTS, sources: [{ name: 'pod', program: 'aws-vault' }] }],
    spares: [{ ...FACTS, sources: [{ name: 'pod', program: 'aws_signing_helper' }] }],
    evidence: /^its command runs aws-vault$/,
  },
  'file-not-written': {
    severity: 'warning',
    triggers: [
      { ...FACTS, sources: [{ name: 'ssm', file: { path: '/x', writtenAt: Date.UTC(2026, 10, 23, 9, 59) } }] },
      { ...FACTS, sources: [{ name: 'ssm', file: { path: '/x' } }] },
    ],
    spares: [{ ...FACTS, sources: [{ name: 'ssm', file: { path: '/x', writtenAt: Date.UTC(2026, 10, 23, 10, 1) } }] }],
    evidence: /^\/x: (?:written at 2026-11-23T09:59:00.000Z|no such file)$/,
  },
  'hop-limit': {
    severity: 'error',
    triggers: [
      withMetadata({ trouble: UNREACHABLE, container: '/.dockerenv' }),
      withMetadata({ trouble: UNREACHABLE, statusWithoutToken: 200 }),
    ],
    spares: [withMetadata({ container: '/.dockerenv' })],
    evidence: /without a token: status \d/,
  },
  'imdsd-in-the-way': {
    severity: 'error',
    triggers: [withMetadata({ trouble: UNREACHABLE, isProhibited: true, imdsd: '/run/systemd/io' })],
    spares: [withMetadata({ trouble: UNREACHABLE })],
    evidence: /prohibited/,
  },
  'clock-skew': {
    severity: 'error',
    triggers: [withMetadata({ clockSkew: 301_000 }), withMetadata({ clockSkew: -3_600_000 })],
    spares: [withMetadata({ clockSkew: -59_000 })],
    evidence: /^the clock of this host says 2026-11-23T22:00:00Z, that of the source 2026-11-23T2\d:\d\d:\d\dZ$/,
  },
  'image-baked': {
    severity: 'error',
    triggers: [withMachine({ stateInstance: 'i-0old' })],
    spares: [withMachine({ hasState: false }), withMachine({}, [{ ...SINK, keyIds: ['…OLD1'] }])],
    evidence: /i-0old, the metadata service of i-0new/,
  },
  'nobody-refreshes': {
    severity: 'error',
    triggers: [withMachine({ hasStatus: false })],
    spares: [withMachine({})],
    evidence: /^there is no status$/,
  },
  'sink-refused': {
    severity: 'error',
    triggers: [withSink({ trouble: { code: 'SINK_UNSAFE_PATH', message: '/tmp: expected', hint: 'choose' } })],
    spares: [FACTS],
    evidence: /SINK_UNSAFE_PATH: \/tmp/,
  },
  'sink-mounted': {
    severity: 'error',
    triggers: [withSink({ isMountPoint: true })],
    spares: [FACTS],
    evidence: /mountinfo has a mount at \/etc\/app\/aws.env/,
  },
  'sink-warning': {
    severity: 'warning',
    triggers: [withSink({ warnings: ['root:games 0640 becomes root:root 0600'] })],
    spares: [FACTS],
    evidence: /root:games/,
  },
  'sink-cached': {
    severity: 'warning',
    triggers: [withSink({ cachedBy: '/etc/php.ini:3: opcache.validate_timestamps is off' })],
    spares: [FACTS],
    evidence: /php\.ini:3/,
  },
  'sink-confined': {
    severity: 'error',
    triggers: [withSink({ closedBy: 'ProtectHome=yes' })],
    spares: [FACTS],
    evidence: /ProtectHome=yes/,
  },
  'profile-shadowed': {
    severity: 'error',
    triggers: [withProfile({ others: [{ key: 'role_arn', where: '/srv/app/.aws/config:3' }] })],
    spares: [FACTS],
    evidence: /config:3: role_arn/,
  },
  'default-profile': {
    severity: 'warning',
    triggers: [withProfile({ isRoots: true })],
    spares: [withProfile({ isRoots: true, name: 'app' }), FACTS],
    evidence: /\[default\] of root/,
  },
  'imds-v1': {
    severity: 'warning',
    triggers: [withMetadata({ statusWithoutToken: 200 })],
    spares: [withMetadata({ statusWithoutToken: 403 })],
    evidence: /without a token: status 200/,
  },
  'lockdown-drifted': {
    severity: 'warning',
    triggers: [withMetadata({ lockdown: { state: 'drifted', reason: 'flushed' } })],
    spares: [withMetadata({ lockdown: { state: 'unknown' } })],
    evidence: /flushed/,
  },
  'endpoint-open': {
    severity: 'note',
    triggers: [withMetadata({ lockdown: { state: 'off' } })],
    spares: [FACTS],
    evidence: /no rules/,
  },
};
