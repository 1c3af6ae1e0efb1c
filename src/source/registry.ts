import { sourceTime } from '../core/clock-skew.ts';
import { INSTANCE, type Config, type SourceConfig } from '../core/config.ts';
import type { Base, Fetched, Source, SuccessfulFetch } from '../core/contracts.ts';
import { AgentError } from '../core/errors.ts';
import type { OwnDeps, SourceDeps } from './contract.ts';
import { createImdsSource } from './imds/source.ts';
import { decidingUser, judge } from './trust.ts';

/** Makes a source of a type, or throws CONFIG_INVALID. `base`: of one that is made from another. */
export type OpenSource<C extends SourceConfig> = (
  config: C,
  deps: OwnDeps & (C extends { readonly from: string } ? { readonly base: Base } : object),
) => Source;

interface SourceType<C extends SourceConfig> extends Pick<Source, 'isIssuer' | 'interval'> {
  /** Loads it: a host that has none of the type loads nothing of it. */
  readonly load: () => Promise<OpenSource<C>>;
}

export type SourceTypes = { readonly [T in SourceConfig['type']]?: SourceType<Extract<SourceConfig, { type: T }>> };

/** Each folder beside this file is one of them. */
const TYPES: SourceTypes = {
  assume_role: {
    isIssuer: true,
    load: async () => (await import('./assume-role/source.ts')).createAssumeRoleSource,
  },
  web_identity: {
    isIssuer: true,
    load: async () => (await import('./web-identity/source.ts')).createWebIdentitySource,
  },
  container: { load: async () => (await import('./container/source.ts')).createContainerSource },
  process: {
    isIssuer: true,
    load: async () => (await import('./process/source.ts')).createProcessSource,
  },
  file: {
    // Also where the file has an expiration: the program that keeps it replaces it before.
    interval: 60_000,
    load: async () => (await import('./file/source.ts')).createFileSource,
  },
};

/**
 * The sources of a configuration by their names, each made when it is first asked for. Throws CONFIG_INVALID, or USAGE
 * for a name that it has not.
 */
export type Sources = (name: string) => Source;

export function createSources(config: Config, given: SourceDeps, types = TYPES): Sources {
  const deps: OwnDeps = { ...given, maxInterval: config.refresh.maxInterval, sinks: config.sinks };
  const made = new Map<string, SharedSource>();
  const sourceOf = (name: string): SharedSource => {
    const known = made.get(name);
    if (known) return known;
    const source = new SharedSource(name, open(name), deps);
    made.set(name, source);
    return source;
  };
  const open = (name: string): Source => {
    const own = config.sources.find((one) => one.name === name);
    if (own && 'from' in own) {
      const { base, user } = sourceOf(own.from);
      return { ...opened(own, types, { ...deps, base }), user };
    }
    if (own) return opened(own, types, deps);
    if (name === INSTANCE) {
      const source = createImdsSource({ ...deps, config: config.imds });
      return { fetch: async (signal) => await judge(await source.fetch(signal), config.imds, trustDeps(deps)) };
    }
    const names = [INSTANCE, ...config.sources.map((one) => one.name)];
    const hint = `one of ${names.join(', ')}`;
    throw new AgentError('USAGE', `--source: expected a source of the configuration, got ${name}`, { hint });
  };
  return sourceOf;
}

/** The names of the sources whose credentials sinks hold; without any sink it is the instance that is asked. */
export function sourcesInUse({ sources, sinks }: Pick<Config, 'sources' | 'sinks'>): readonly string[] {
  const used = new Set(sinks.length === 0 ? [INSTANCE] : sinks.map(({ source }) => source));
  return [INSTANCE, ...sources.map(({ name }) => name)].filter((name) => used.has(name));
}

/** Whether the instance is asked at all: for sinks of its own, or for those of sources that are made from it. */
export function asksInstance(config: Pick<Config, 'sources' | 'sinks'>): boolean {
  const bases = new Map(config.sources.map((one) => [one.name, 'from' in one ? one.from : undefined]));
  return sourcesInUse(config).some((name) => {
    let base: string | undefined = name;
    while (base !== undefined && base !== INSTANCE) base = bases.get(base);
    return base === INSTANCE;
  });
}

function trustDeps({ users, self }: SourceDeps): Parameters<typeof judge>[2] {
  return { users, uid: self.uid };
}

function opened(config: SourceConfig, types: SourceTypes, deps: OwnDeps & { readonly base?: Base }): Source {
  // The one of its own type.
  const type = types[config.type];
  if (type === undefined) throw new Error(`no source of type ${config.type}`);
  const { load, ...known } = type;
  let source: Promise<Source> | undefined;
  const open = (): Promise<Source> =>
    (source ??= load().then((openSource) => (openSource as (...given: readonly unknown[]) => Source)(config, deps)));
  return {
    ...known,
    fetch: async (signal) => await judge(await (await open()).fetch(signal), config, trustDeps(deps)),
    // Others need not be loaded for it.
    ...(known.interval !== undefined && {
      watch: async (changed: () => void, signal: AbortSignal) => await (await open()).watch?.(changed, signal),
    }),
    user: async (signal) => await decidingUser(await (await open()).user?.(signal), config, trustDeps(deps)),
  };
}

/** With less than this a session might end before what is made from it has begun. */
const BASE_LIFE_MS = 5 * 60_000;

/** Simultaneous requests share one fetch; a source that is based on this one signs with its credentials. */
class SharedSource implements Source {
  readonly base: Base;
  readonly isIssuer?: true;
  readonly interval?: number;
  readonly #source: Source;
  readonly #clock: SourceDeps['clock'];
  #last: SuccessfulFetch | undefined;
  #fetching: Promise<Fetched> | undefined;

  constructor(name: string, source: Source, { clock }: SourceDeps) {
    this.#source = source;
    this.#clock = clock;
    if (source.isIssuer) this.isIssuer = true;
    if (source.interval !== undefined) this.interval = source.interval;
    this.base = { name, fetch: (signal, isRefused = false) => this.#fetchLiving(signal, isRefused) };
  }

  async fetch(signal: AbortSignal): Promise<Fetched> {
    this.#fetching ??= this.#source.fetch(signal).finally(() => (this.#fetching = undefined));
    const fetched = await this.#fetching;
    if (fetched.ok) this.#last = fetched;
    return fetched;
  }

  readonly user = async (signal: AbortSignal): Promise<number | undefined> => await this.#source.user?.(signal);

  async watch(changed: () => void, signal: AbortSignal): Promise<void> {
    await this.#source.watch?.(changed, signal);
  }

  async #fetchLiving(signal: AbortSignal, isRefused: boolean): Promise<Fetched> {
    const known = isRefused ? undefined : this.#last;
    if (known && this.#lifeOf(known) >= BASE_LIFE_MS) return known;
    const fetched = await this.fetch(signal);
    return !fetched.ok && known && this.#lifeOf(known) > 0 ? known : fetched;
  }

  #lifeOf({ credentials, clockSkew }: SuccessfulFetch): number {
    return credentials.expiration - sourceTime(this.#clock.now(), clockSkew);
  }
}
