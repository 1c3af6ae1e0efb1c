import { sourceTime } from '../core/clock-skew.ts';
import { INSTANCE } from '../core/config.ts';
import type { SourceState } from '../core/outcomes.ts';
import type { Status } from './schema.ts';

/** A source as a status has it, alone or among others. */
export interface NamedSource extends Omit<NonNullable<Status['sources']>[number], 'name'> {
  /** Undefined where the instance is the only source: it goes without saying. */
  readonly name: string | undefined;
}

/** The sources of a status, each with its name where there are several. */
export function sourcesOf({ source, sources, generation, lastPass }: Status): readonly NamedSource[] {
  return sources ?? [{ ...source, name: undefined, generation, rotated: lastPass.rotated }];
}

/** The source of a sink: undefined before its first pass. */
export function sourceOfSink(
  status: Status,
  { source = INSTANCE }: { readonly source?: string },
): NamedSource | undefined {
  return sourcesOf(status).find(({ name }) => name === undefined || name === source);
}

/** The remaining life of the credentials, by the clock of the source; milliseconds. */
export function lifeLeft(source: Pick<Status['source'], 'expiration' | 'clockSkew'>, now: number): number | undefined {
  if (source.expiration === undefined) return undefined;
  return Date.parse(source.expiration) - sourceTime(now, source.clockSkew);
}

/** The shortest remaining life: undefined without any credentials. */
export function firstLeft(status: Status, now: number): number | undefined {
  const lives = sourcesOf(status).flatMap((source) => lifeLeft(source, now) ?? []);
  return lives.length === 0 ? undefined : Math.min(...lives);
}

/** The state now: credentials that were good at the last pass may have expired since. */
export function stateNow({ state }: Pick<Status['source'], 'state'>, left: number | undefined): SourceState {
  return left !== undefined && left <= 0 && (state === 'ok' || state === 'stale') ? 'expired' : state;
}

export function subjectOf(what: string, { name }: Pick<NamedSource, 'name'>): string {
  return name === undefined ? what : `${what} ${name}`;
}
