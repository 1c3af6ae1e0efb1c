import type { Config } from '../core/config.ts';
import { idOf, sinkId } from '../core/sink-id.ts';
import { sinksOf } from './pending.ts';
import type { FilesReport } from './rotate.ts';
import { lastKnown, type AgentState } from './state.ts';

/** Pure rules. A notified program need not have read: it may catch the signal and never open its file again. */

interface EvidenceInput {
  readonly config: Config;
  readonly state: AgentState;
  readonly report: Pick<FilesReport, 'sinks' | 'startedAt'>;
}

/** Within this time a program reads its files, if it does so when notified. */
const READING_GRACE_MS = 60_000;

/**
 * For each consumer true if it was notified and none of its sinks has been read since. Consumers of which this is
 * unknown are left out.
 */
export function readingVerdicts(seen: EvidenceInput): Readonly<Record<string, boolean>> {
  const verdicts = seen.config.consumers.map(({ name }) => [name, isNotReading(name, seen)] as const);
  return Object.fromEntries(
    verdicts.flatMap(([name, notReading]) => (notReading === undefined ? [] : [[name, notReading]])),
  );
}

/**
 * Only the first read after a write shows. A read before the notification, by any process, therefore counts as the
 * consumer's. A sink written after the notification proves nothing, and neither does a program whose reads leave no
 * trace, or a hook: what it starts is unknown.
 */
function isNotReading(name: string, { config, state, report }: EvidenceInput): boolean | undefined {
  const notifiedOf = lastKnown(state.consumers[name] ?? {});
  if (notifiedOf?.by !== 'notified') return undefined;
  const ids = new Set(sinksOf(config.sinks, name).map(idOf));
  const evidence = report.sinks.filter((sink) => ids.has(sinkId(sink))).map((sink) => sink.evidence);
  if (evidence.some((one) => one?.kind === 'read')) return false;
  if (!notifiedOf.traceable) return undefined;
  const isUnread = evidence.every((one) => one?.kind === 'unread' && one.writtenAt <= notifiedOf.at);
  return isUnread && evidence.length > 0 && report.startedAt - notifiedOf.at >= READING_GRACE_MS ? true : undefined;
}
