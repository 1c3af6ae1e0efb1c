import type {
  Config,
  ConsumerConfig,
  DotenvSink,
  FieldKey,
  IniSink,
  Preset,
  SinkConfig,
  SourceConfig,
} from '../core/config.ts';
import { CONTAINER_ADDRESSES, hostOfUrl } from '../core/endpoint.ts';
import { type Field, FIELDS } from '../core/fields.ts';
import { PRESETS } from './presets.ts';
import type { ConsumerSettings, ConfigFile } from './schema.ts';
import type { SinkSettings } from './sink-schema.ts';
import type { SourceSettings } from './source-schema.ts';

/** The files of a configuration; empty for that of a command line. */
export interface ConfigOrigin extends Pick<Config, 'files'> {
  readonly templates?: readonly string[] | undefined;
  readonly path?: string | undefined;
  readonly digest?: string | undefined;
}

export function buildConfig(
  { refresh, sources, sinks, consumers, ...sections }: ConfigFile,
  { files, ...origin }: ConfigOrigin,
): Config {
  const { schedule, ...rest } = refresh;
  const addresses = addressesOf(Object.values(sources));
  return freeze({
    ...camel(origin),
    files,
    ...camel(sections),
    lockdown: { ...camel(sections.lockdown), ...(addresses.length > 0 && { addresses }) },
    refresh: {
      ...camel(rest),
      ...camel({ schedule: typeof schedule === 'string' ? { pattern: schedule } : schedule }),
    },
    sources: Object.entries(sources).map(([name, source]) => buildSource(name, source)),
    sinks: sinks.flatMap(buildSinks),
    consumers: Object.entries(consumers).map(([name, consumer]) => buildConsumer(name, consumer)),
  });
}

/** Those of container roles that are asked. Variables, which only the unit has, may name each of them. */
function addressesOf(sources: readonly SourceSettings[]): readonly string[] {
  const hosts = sources.flatMap((source) => {
    if (source.type !== 'container') return [];
    return source.endpoint === undefined ? CONTAINER_ADDRESSES : [hostOfUrl(new URL(source.endpoint))];
  });
  return CONTAINER_ADDRESSES.filter((address) => hosts.includes(address));
}

/** The keys of tags and the names of variables are the administrator's. */
function buildSource(name: string, source: SourceSettings): SourceConfig {
  if (source.type === 'assume_role') return { name, ...camel(source), tags: source.tags };
  if (source.type === 'process') return { name, ...camel(source), environment: source.environment };
  return { name, ...camel(source) };
}

/** One, or one for each file of a directory. */
export function buildSinks(sink: SinkSettings): readonly SinkConfig[] {
  if (sink.format !== 'value') return [buildSink(sink)];
  const { path, field, directory = '', names = {}, mode, notify, ...rest } = sink;
  const files = path !== undefined && field ? [{ path, field }] : filesOf(directory, names);
  return files.map((file) => ({ ...camel(rest), ...buildMode(mode), notify: [...new Set(notify)], ...file }));
}

function buildSink({ mode, notify, ...sink }: Exclude<SinkSettings, { format: 'value' }>): SinkConfig {
  const common = { ...buildMode(mode), notify: [...new Set(notify)] };
  switch (sink.format) {
    case 'aws-credentials':
      return { ...camel(sink), ...common };
    case 'dotenv':
      return { ...buildDotenv(sink), ...common };
    case 'json': {
      const { shape = 'imds', keys, ...rest } = sink;
      return { ...camel(rest), ...common, content: keys ? { keys } : { shape } };
    }
    case 'ini':
      return { ...camel(sink), ...common, ...sectionOf(sink) };
    case 'properties':
      return { ...camel(sink), ...common, keys: keysOf(sink.keys) };
    case 'template': {
      // A file is read before (template-files.ts).
      const { template = '', template_file: _read, ...rest } = sink;
      return { ...camel(rest), ...common, template };
    }
  }
}

function sectionOf({
  preset,
  section,
  keys,
}: Pick<Extract<SinkSettings, { format: 'ini' }>, 'preset' | 'section' | 'keys'>): Pick<IniSink, 'section' | 'keys'> {
  const usual: Partial<(typeof PRESETS)[Preset]> = preset ? PRESETS[preset] : {};
  return {
    section: section === undefined ? (usual.section ?? null) : section,
    keys: keysOf({ ...usual.keys, ...keys }),
  };
}

function keysOf(keys: Readonly<Partial<Record<Field, readonly string[]>>>): readonly FieldKey[] {
  return FIELDS.flatMap((field) => (keys[field] ?? []).map((key) => ({ field, key })));
}

function filesOf(
  directory: string,
  names: Readonly<Partial<Record<Field, string>>>,
): readonly { readonly field: Field; readonly path: string }[] {
  return FIELDS.flatMap((field) =>
    names[field] === undefined ? [] : [{ field, path: `${directory}/${names[field]}` }],
  );
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

/** Variables that are written where `region` is set: the SDKs read the one or the other. */
export const REGION_NAMES = ['AWS_REGION', 'AWS_DEFAULT_REGION'] as const;

type DotenvSettings = Omit<Extract<SinkSettings, { format: 'dotenv' }>, 'mode' | 'notify'>;

function buildDotenv({ region, names, ...sink }: DotenvSettings): Omit<DotenvSink, 'mode' | 'notify'> {
  const { access_key_id, secret_access_key, session_token, expiration } = names;
  const usual = Object.entries(DOTENV_NAMES).map(([field, name]) => [field, sink.prefix + name] as const);
  const main = { access_key_id, secret_access_key, session_token, expiration };
  const regions = region ? REGION_NAMES.map((name) => ({ field: 'region' as const, key: sink.prefix + name })) : [];
  const named = FIELDS.flatMap((field) => {
    const key = names[field];
    return field in DOTENV_NAMES || !key ? [] : [{ field, key }];
  });
  const others = [...regions, ...named];
  return {
    ...camel(sink),
    names: { ...camel(Object.fromEntries(usual) as typeof DOTENV_NAMES), ...camel(main) },
    ...(others.length > 0 && { others }),
  };
}

function buildConsumer(name: string, consumer: ConsumerSettings): ConsumerConfig {
  const action = consumer.type === 'systemd' ? consumer.action : undefined;
  const common = { name, when: consumer.when ?? usualWhen(consumer.type, action) };
  switch (consumer.type) {
    case 'systemd':
      return { signal: 'SIGHUP', ...camel(consumer), ...common };
    case 'signal': {
      const { pid_file, process, ...rest } = consumer;
      return { ...camel(rest), ...common, target: camel({ pid_file, process }) };
    }
    case 'exec':
      return { ...camel(consumer), ...common };
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

type CamelName<S> = S extends `${infer First}_${infer Rest}` ? `${First}${Capitalize<CamelName<Rest>>}` : S;
type Camel<T> = T extends readonly unknown[] | string | number | boolean | null
  ? T
  : { [K in keyof T as CamelName<K>]: Camel<Exclude<T[K], undefined>> };

/** Settings by the names that they have in code, in maps within as well; without those that are undefined. */
function camel<T extends object>(settings: T): Camel<T> {
  const entries = Object.entries(settings).flatMap(([key, value]: [string, unknown]) => {
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
    const name = key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
    return value === undefined ? [] : [[name, isMap ? camel(value) : value] as const];
  });
  // Object.entries knows no key types; what it gives here are those of T.
  return Object.fromEntries(entries) as Camel<T>;
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) freeze(inner);
  return Object.freeze(value);
}
