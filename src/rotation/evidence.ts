import type { Config } from '../core/config.ts';
import { idOf, sinkId } from '../core/sink-id.ts';
import { sinksOf } from './pending.ts';
import type { FilesReport } from './rotate.ts';
import type { AgentState } from './state.ts';

/** Notified is not yet read: a program may catch the signal and never open its file again. Pure rules. */

interface Seen {
  readonly config: Config;
  readonly state: AgentState;
  readonly report: FilesReport;
}

/** Whoever reads its files when notified has done so by then; milliseconds. */
const DECENT = 60_000;

/**
 * Whether each consumer does not read: it was notified, and since then nobody has read any of its sinks. Those of which it cannot
 * be known are left out.
 */
export function readingVerdicts(seen: Seen): Readonly<Record<string, boolean>> {
  const verdicts = seen.config.consumers.map(({ name }) => [name, isNotReading(name, seen)] as const);
  return Object.fromEntries(
    verdicts.flatMap(([name, notReading]) => (notReading === undefined ? [] : [[name, notReading]])),
  );
}

/**
 * Only the first read after a write shows, so that one which came before the consumer was notified, whoever's it was,
 * speaks for it. A sink that was written after that says nothing about it, nor do the sinks of a program whose reads
 * leave no trace, or of which nobody knows: that of a hook.
 */
function isNotReading(name: string, { config, state, report }: Seen): boolean | undefined {
  const notifiedOf = state.consumers[name]?.notifiedOf;
  if (notifiedOf?.by !== 'notified') return undefined;
  const own = new Set(sinksOf(config.sinks, name).map(idOf));
  const evidence = report.sinks.filter((sink) => own.has(sinkId(sink))).map((sink) => sink.evidence);
  if (evidence.some((one) => one?.kind === 'read')) return false;
  if (!notifiedOf.traceable) return undefined;
  const isUnread = evidence.every((one) => one?.kind === 'unread' && one.writtenAt <= notifiedOf.at);
  return isUnread && evidence.length > 0 && report.startedAt - notifiedOf.at >= DECENT ? true : undefined;
}
