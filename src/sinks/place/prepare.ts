import type { BigIntStats } from 'node:fs';
import type { SinkConfig } from '../../core/config.ts';
import { type ErrorInfo, toErrorInfo } from '../../core/errors.ts';
import type { SinkOutcome } from '../../core/outcomes.ts';
import type { Place, SinkFile, SinkPreview } from '../contract.ts';
import { explain, failed } from './failure.ts';
import type { Places } from './places.ts';
import type { SinkRecord } from '../record.ts';
import { type Made, recordOf, type Since } from './records.ts';
import type { Standing } from './existing.ts';

/** A sink with which nothing is to be done any more. */
export interface Settled {
  readonly sink: SinkConfig;
  readonly outcome: SinkOutcome;
  /** When it stands as configured. */
  readonly record?: SinkRecord;
}

/** A sink of a file that is to be replaced: what is to be reported once it is. */
export interface Part extends Settled {
  /** It needs no replacing, or is refused: it is this whatever becomes of the file. */
  readonly isSettled?: true;
  /** Unset: no record is to be made of it. */
  readonly made?: Made;
  /** Unset: its bytes change now. */
  readonly since?: Since;
  /** The file before and after this sink's own change. */
  readonly shown?: Pick<SinkPreview, 'current' | 'next'>;
}

/** A file that is to take the place of another. */
export interface Replacement extends Place {
  /** What was read and merged; undefined when there is no file. */
  readonly standing: Standing | undefined;
  /** Undefined: the file is to go. */
  readonly bytes: Buffer | undefined;
  readonly parts: readonly Part[];
}

export type Prepared = { readonly settled: readonly Settled[] } | { readonly change: Replacement };

/** Looks at a file, and at what it is to become; changes nothing. What it gives throws AgentError and errno errors. */
export type Prepare = (places: Places, file: SinkFile) => Promise<Prepared> | Prepared;

/** Never rejects. */
export async function prepareFiles(places: Places, files: readonly SinkFile[], prepare: Prepare): Promise<Prepared[]> {
  const prepared: Prepared[] = [];
  for (const file of files) {
    try {
      prepared.push(await prepare(places, file));
    } catch (error) {
      const info = toErrorInfo(explain(error, 'SINK_UNREADABLE', file.path));
      prepared.push({ settled: file.sinks.map((sink) => ({ sink, outcome: failed(sink, info) })) });
    }
  }
  return prepared;
}

/** The sinks of a file that was replaced. `warnings`: beyond what was known before. */
export function concludeAll(
  parts: readonly Part[],
  stat: BigIntStats | undefined,
  warnings: readonly string[],
  time: Since,
): Settled[] {
  return parts.map((part) => {
    const { sink, outcome, isSettled, made, since } = part;
    if (outcome.error && isSettled) return part;
    const record = made && stat && recordOf(made, stat, since ?? time);
    return { sink, outcome: { ...outcome, warnings: [...outcome.warnings, ...warnings] }, ...(record && { record }) };
  });
}

/** The sinks of a file that could not be replaced. */
export function settleAll(parts: readonly Part[], error: ErrorInfo): Settled[] {
  // Renamed all the same: its readers see other bytes, and its consumers are to be told.
  const isRenamed = error.code === 'SINK_UNVERIFIED';
  return parts.map((part) => {
    const { sink, outcome, isSettled } = part;
    if (isSettled && (!isRenamed || outcome.error)) return part;
    const { drift, warnings } = outcome;
    const bytesChanged = isRenamed && outcome.bytesChanged;
    return { sink, outcome: { ...failed(sink, error), bytesChanged, drift, warnings } };
  });
}
