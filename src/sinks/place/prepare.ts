import type { BigIntStats } from 'node:fs';
import { type ErrorInfo, toErrorInfo } from '../../core/errors.ts';
import type { FinishedSink, Part, Prepared, Replacement, SinkFile } from '../contract.ts';
import type { Since } from '../record.ts';
import { explain, failed } from './failure.ts';
import { type Places, refuseUnwritable } from './places.ts';
import { recordOf } from './records.ts';

/** Looks at a file, and at what it is to become; changes nothing. Rejects with AgentError and errno errors. */
export type Prepare = (places: Places, file: SinkFile) => Promise<Prepared> | Prepared;

/** Never rejects. */
export async function prepareFiles(places: Places, files: readonly SinkFile[], prepare: Prepare): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  for (const file of files) {
    try {
      prepared.push(await prepare(places, file));
    } catch (error) {
      const info = toErrorInfo(explain(error, 'SINK_UNREADABLE', file.path));
      prepared.push({ finished: file.sinks.map((sink) => ({ sink, outcome: failed(sink, info) })) });
    }
  }
  return prepared;
}

/** A file is replaced for the parts that need it; where it cannot be, only these have failed. */
export function replacing(change: Replacement): Prepared {
  const finished = change.parts.filter(({ isFinished }) => isFinished);
  if (finished.length === change.parts.length) return { finished };
  try {
    refuseUnwritable(change);
    return { change };
  } catch (error) {
    return { finished: failAll(change.parts, toErrorInfo(error)) };
  }
}

/** The sinks of a file that was replaced. `warnings`: beyond what was known before. */
export function finishAll(
  parts: readonly Part[],
  stat: BigIntStats | undefined,
  warnings: readonly string[],
  time: Since,
): FinishedSink[] {
  return parts.map((part) => {
    const { sink, outcome, isFinished, made, since } = part;
    if (outcome.error && isFinished) return part;
    const record = made && stat && recordOf(made, stat, since ?? time);
    return { sink, outcome: { ...outcome, warnings: [...outcome.warnings, ...warnings] }, ...(record && { record }) };
  });
}

/** The sinks of a file that could not be replaced. */
export function failAll(parts: readonly Part[], error: ErrorInfo): FinishedSink[] {
  // Renamed all the same: its readers see other bytes, and its consumers are to be notified.
  const isRenamed = error.code === 'SINK_UNVERIFIED';
  return parts.map((part) => {
    const { sink, outcome, isFinished } = part;
    if (isFinished && (!isRenamed || outcome.error)) return part;
    const { drift, warnings } = outcome;
    const bytesChanged = isRenamed && outcome.bytesChanged;
    return { sink, outcome: { ...failed(sink, error), bytesChanged, drift, warnings } };
  });
}
