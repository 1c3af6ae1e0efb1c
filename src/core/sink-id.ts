import type { SinkConfig } from './config.ts';

export interface SinkKey {
  readonly path: string;
  /** The part of the file that it keeps: `[profile]`, its first variable, or `#/its/first/place`; unset: all of it. */
  readonly part?: string;
}

export function keyOf(sink: SinkConfig): SinkKey {
  const { path } = sink;
  const part = partOf(sink);
  return part === undefined ? { path } : { path, part };
}

/** The sink as a text, for people and in the state. */
export function sinkId({ path, part }: SinkKey): string {
  return part === undefined ? path : `${path} ${part}`;
}

export function idOf(sink: SinkConfig): string {
  return sinkId(keyOf(sink));
}

/** The names of sinks on the command line. */
export function namesOf(sinks: readonly SinkConfig[]): string[] {
  return named(sinks.map(keyOf)).map(({ name }) => name);
}

/** Sinks with their names for people: the path, if it is unique. */
export function named<T extends SinkKey>(sinks: readonly T[]): (T & { readonly name: string })[] {
  const perPath = Map.groupBy(sinks, ({ path }) => path);
  return sinks.map((sink) => ({ ...sink, name: perPath.get(sink.path)?.length === 1 ? sink.path : sinkId(sink) }));
}

/** Sinks of one file share nothing, so that the first part of each is unique. */
function partOf(sink: SinkConfig): string | undefined {
  switch (sink.format) {
    case 'aws-credentials':
      return `[${sink.profile}]`;
    case 'dotenv':
      return sink.only ? undefined : sink.names.accessKeyId;
    case 'json':
      return 'shape' in sink.content ? undefined : pointer(Object.values(sink.content.keys)[0] ?? []);
    case 'ini':
      return `[${sink.section ?? ''}]`;
    case 'properties':
      return sink.keys[0]?.key;
    default:
      return undefined;
  }
}

function pointer(keys: readonly string[]): string {
  return `#${keys.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`;
}
