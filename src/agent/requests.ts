import type { Config } from '../core/config.ts';
import { AgentError } from '../core/errors.ts';
import type { PassTrigger } from '../core/outcomes.ts';
import { sinksOf } from '../rotation/pending.ts';
import type { PassRequest } from '../rotation/rotate.ts';
import { sourcesInUse } from '../source/registry.ts';

/** A request for passes, and perhaps for notifications. */
export interface AskedRequest extends PassRequest {
  /** Notify every consumer, changed or not. */
  readonly notifyAll?: boolean;
  /** Notify these, changed or not. */
  readonly notify?: readonly string[];
}

/** Joins simultaneous requests: the trigger of the first counts, or `usual` without a request. */
export function joinRequests(asked: readonly PassRequest[], usual: PassTrigger): PassRequest {
  const sources = asked.flatMap((one) => one.sources ?? []);
  const acceptedBy = asked.find((one) => one.acceptedBy !== undefined)?.acceptedBy;
  return {
    trigger: asked[0]?.trigger ?? usual,
    ...(sources.length > 0 && { sources }),
    ...(acceptedBy !== undefined && { acceptedBy }),
  };
}

/** Throws USAGE for names that are not in the configuration, and for consumers that this pass would not notify. */
export function checkRequest(config: Config, { sources, notify = [] }: Pick<AskedRequest, 'sources' | 'notify'>): void {
  const consumers = config.consumers.map(({ name }) => name);
  requireKnown('--notify', 'consumers', consumers, notify);
  if (!sources) return;
  requireKnown('--source', 'sources', sourcesInUse(config), sources);
  const missed = notify.filter((name) => {
    const sinks = sinksOf(config.sinks, name);
    return sinks.length > 0 && !sinks.some(({ source }) => sources.includes(source));
  });
  if (missed.length === 0) return;
  throw new AgentError('USAGE', `--notify: expected consumers of these sources, got ${missed.join(', ')}`, {
    hint: 'name their source as well: --source, or leave it out',
  });
}

function requireKnown(option: string, what: string, names: readonly string[], given: readonly string[]): void {
  const unknown = given.filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  throw new AgentError('USAGE', `${option}: expected ${what} of the configuration, got ${unknown.join(', ')}`, {
    hint: names.length === 0 ? 'it has none' : `one of ${names.join(', ')}`,
  });
}
