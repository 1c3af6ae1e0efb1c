import type { SinkConfig } from '../core/config.ts';
import { toErrorInfo } from '../core/errors.ts';
import { compare, type Prepared } from './compare.ts';
import type { SinkDeps, Wish } from './place.ts';
import { makeWitness } from './evidence.ts';
import { explain, failed } from './failure.ts';
import type { Places } from './places.ts';

/**
 * Looks at each sink and makes its new bytes; changes nothing. Synchronous but for the user database: on a trusted path
 * these calls stay in the page cache, and handing them to another thread costs more than they do.
 */
export async function prepareSinks(
  deps: SinkDeps,
  wish: Wish,
  places: Places,
  sinks: readonly SinkConfig[],
): Promise<Prepared[]> {
  const witness = makeWitness();
  const prepared: Prepared[] = [];
  for (const sink of sinks) {
    try {
      prepared.push(compare(deps, wish, await places.placeOf(sink), witness));
    } catch (error) {
      const info = toErrorInfo(explain(error, 'SINK_UNREADABLE', sink.path));
      prepared.push({ settled: { outcome: failed(sink, info) } });
    }
  }
  return prepared;
}
