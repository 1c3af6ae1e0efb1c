import type { ConsumerFacts, DoctorFacts, SinkFacts, UnitFacts } from '../../src/doctor/contract.ts';

/** What is seen where all is well. */

export const SINK: SinkFacts = {
  path: '/etc/app/aws.env',
  name: '/etc/app/aws.env',
  isMountPoint: false,
  warnings: [],
  keyIds: ['…GOOD'],
};

export const PROFILE_SINK: SinkFacts = {
  path: '/srv/app/.aws/credentials',
  name: '/srv/app/.aws/credentials',
  isMountPoint: false,
  warnings: [],
  keyIds: ['…GOOD'],
  profile: { name: 'default', isRoots: false, others: [] },
};

const UNIT: UnitFacts = {
  name: 'app.service',
  isThere: true,
  canReload: true,
  restart: 'always',
  action: 'try-reload-or-restart',
  environment: [],
  environmentFiles: [],
};

const CONSUMER: ConsumerFacts = {
  name: 'app',
  notifiedBy: 'reload',
  sinks: [{ path: PROFILE_SINK.path, format: 'aws-credentials', profile: 'default' }],
  unit: UNIT,
  processes: [{ pid: 4711, program: 'appd' }],
};

export const FACTS: DoctorFacts = {
  sources: [],
  sinks: [SINK, PROFILE_SINK],
  consumers: [CONSUMER],
  metadata: {
    endpoint: 'http://169.254.169.254',
    clockSkew: 400,
    statusWithoutToken: 401,
    lockdown: { state: 'on' },
    isProhibited: false,
  },
  machine: {
    instance: 'i-0new',
    stateInstance: 'i-0new',
    hasState: true,
    keyId: '…GOOD',
    hasStatus: true,
    hasUnits: true,
  },
};

export function withSink(sink: Partial<SinkFacts>, base: SinkFacts = SINK): DoctorFacts {
  return { ...FACTS, sinks: [{ ...base, ...sink }] };
}

export function withProfile(profile: Partial<NonNullable<SinkFacts['profile']>>): DoctorFacts {
  return withSink({ profile: { name: 'default', isRoots: false, others: [], ...profile } }, PROFILE_SINK);
}

export function withConsumer(consumer: Partial<ConsumerFacts>, unit: Partial<UnitFacts> = {}): DoctorFacts {
  return { ...FACTS, consumers: [{ ...CONSUMER, unit: { ...UNIT, ...unit }, ...consumer }] };
}

export function withMetadata(metadata: Partial<DoctorFacts['metadata']>): DoctorFacts {
  return { ...FACTS, metadata: { ...FACTS.metadata, ...metadata } };
}

export function withMachine(
  machine: Partial<DoctorFacts['machine']>,
  sinks: readonly SinkFacts[] = FACTS.sinks,
): DoctorFacts {
  return { ...FACTS, sinks, machine: { ...FACTS.machine, ...machine } };
}
