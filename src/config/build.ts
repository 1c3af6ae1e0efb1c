import type {
  Config,
  ConsumerConfig,
  DotenvNames,
  ImdsConfig,
  JsonKeys,
  RefreshConfig,
  SinkConfig,
} from '../core/config.ts';
import type { ConsumerSettings } from './schema-consumers.ts';
import type { SinkSettings } from './schema-sinks.ts';
import type { File } from './schema.ts';

/** Where a configuration was read; nothing, when it is that of a command line. */
export interface Origin extends Pick<Config, 'files'> {
  readonly path?: string | undefined;
  readonly digest?: string | undefined;
}

/** The configuration that valid settings mean, frozen. */
export function buildConfig(settings: File, { files, ...origin }: Origin): Config {
  return freeze({
    ...defined(origin),
    files,
    imds: buildImds(settings.imds),
    refresh: buildRefresh(settings.refresh),
    startupWait: settings.startup_wait,
    log: settings.log,
    metrics: settings.metrics,
    trustedGroups: settings.trusted_groups,
    lockdown: { allowUsers: settings.lockdown.allow_users, containers: settings.lockdown.containers },
    sinks: settings.sinks.map(buildSink),
    consumers: Object.entries(settings.consumers).map(([name, consumer]) => buildConsumer(name, consumer)),
  });
}

function buildImds({ endpoint_mode, allow_any_endpoint, ...rest }: File['imds']): ImdsConfig {
  return { ...rest, allowAnyEndpoint: allow_any_endpoint, ...defined({ endpointMode: endpoint_mode }) };
}

function buildRefresh({ max_interval, before_expiry, schedule }: File['refresh']): RefreshConfig {
  return {
    maxInterval: max_interval,
    ...defined({
      beforeExpiry: before_expiry,
      schedule: typeof schedule === 'string' ? { pattern: schedule } : schedule,
    }),
  };
}

/** The sink that valid settings mean. */
export function buildSink(sink: SinkSettings): SinkConfig {
  const { path, mode } = sink;
  const common = {
    path,
    ...buildMode(mode),
    notify: [...new Set(sink.notify)],
    ...defined({ owner: sink.owner, group: sink.group }),
  };
  switch (sink.format) {
    case 'aws-credentials': {
      const { format, profile, security_token, account_id, expiration_key, comment } = sink;
      const options = { profile, securityToken: security_token, accountId: account_id, comment };
      return { format, ...common, ...options, ...defined({ expirationKey: expiration_key }) };
    }
    case 'dotenv': {
      const { format, prefix, only, comment } = sink;
      return { format, ...common, prefix, names: buildNames(sink), export: sink.export, only, comment };
    }
    case 'json': {
      const { format, shape = 'imds', keys } = sink;
      return { format, ...common, content: keys ? { keys: buildKeys(keys) } : { shape } };
    }
  }
}

function buildMode(mode: SinkSettings['mode']): Pick<SinkConfig, 'mode' | 'isModeAny' | 'isUsualMode'> {
  if (mode === undefined) return { mode: 0o600, isUsualMode: true };
  return mode === 'any' ? { mode: 0o600, isModeAny: true } : { mode };
}

/** The usual variables, before the prefix. */
export const DOTENV_NAMES = {
  access_key_id: 'AWS_ACCESS_KEY_ID',
  secret_access_key: 'AWS_SECRET_ACCESS_KEY',
  session_token: 'AWS_SESSION_TOKEN',
  expiration: 'AWS_CREDENTIAL_EXPIRATION',
} as const;

function buildNames({ prefix, names }: Extract<SinkSettings, { format: 'dotenv' }>): DotenvNames {
  const usual = (name: keyof typeof DOTENV_NAMES): string => prefix + DOTENV_NAMES[name];
  return {
    accessKeyId: names.access_key_id ?? usual('access_key_id'),
    secretAccessKey: names.secret_access_key ?? usual('secret_access_key'),
    sessionToken: names.session_token ?? usual('session_token'),
    expiration: names.expiration === undefined ? usual('expiration') : names.expiration,
  };
}

type KeySettings = NonNullable<Extract<SinkSettings, { format: 'json' }>['keys']>;

function buildKeys({
  access_key_id,
  secret_access_key,
  session_token,
  expiration,
  account_id,
  role,
}: KeySettings): JsonKeys {
  return defined({
    accessKeyId: access_key_id,
    secretAccessKey: secret_access_key,
    sessionToken: session_token,
    expiration,
    accountId: account_id,
    role,
  });
}

function buildConsumer(name: string, consumer: ConsumerSettings): ConsumerConfig {
  const action = consumer.type === 'systemd' ? consumer.action : undefined;
  const common = {
    name,
    when: consumer.when ?? usualWhen(consumer.type, action),
    ...defined({ before: consumer.before, after: consumer.after }),
  };
  switch (consumer.type) {
    case 'systemd': {
      const { type, unit, action, signal = 'SIGHUP', handles_signal, user } = consumer;
      return { type, ...common, unit, action, signal, handlesSignal: handles_signal, ...defined({ user }) };
    }
    case 'signal': {
      const { type, signal, handles_signal, pid_file, process } = consumer;
      const target = defined({ pidFile: pid_file, process });
      return { type, ...common, signal, target, handlesSignal: handles_signal };
    }
    case 'exec': {
      const { type, command, timeout, user } = consumer;
      return { type, ...common, command, timeout, ...defined({ user }) };
    }
  }
}

/**
 * `expiring` where the action restarts the unit: EC2 replaces credentials about hourly although they live six hours,
 * and a unit that is notified late still has good ones. Whether try-reload-or-restart restarts is seen only then.
 */
export function usualWhen(type: string | undefined, action = 'try-reload-or-restart'): ConsumerConfig['when'] {
  if (type !== 'systemd') return 'changed';
  if (action === 'restart') return 'expiring';
  return action === 'try-reload-or-restart' ? 'auto' : 'changed';
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the keys whose value is undefined. */
function defined<T extends object>(values: T): Defined<T> {
  // Object.entries knows no key types; what it gives here are those of T.
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
