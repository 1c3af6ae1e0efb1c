import type { BigIntStats } from 'node:fs';
import type { SinkConfig } from '../../core/config.ts';
import type { Drift, SinkOutcome } from '../../core/outcomes.ts';
import { octal } from '../../core/printable.ts';
import { idOf } from '../../core/sink-id.ts';
import type {
  ExistingFile,
  FinishedSink,
  Part,
  Place,
  Prepared,
  Rendered,
  Replacement,
  SinkDeps,
  WriteOptions,
} from '../contract.ts';
import type { Made, Since, SinkRecord } from '../record.ts';
import { lookAt, readExisting, refuseJustEmptied } from './existing.ts';
import { failed, outcome, outdated } from './failure.ts';
import { type Prepare, replacing } from './prepare.ts';
import {
  type Evidence,
  isUntouched,
  madeOf,
  makeWitness,
  modeOf,
  recordOf,
  takenOver,
  type Witness,
} from './records.ts';

interface Recorded {
  readonly sink: SinkConfig;
  /** It is of another source, and as its record says. */
  readonly isNeighbour: boolean;
  readonly made: Made;
  readonly record: SinkRecord | undefined;
  /** Somebody changed the content that we had written. */
  readonly isRepair: boolean;
  /** The outcome if its bytes are right. */
  readonly unchanged: SinkOutcome;
  /** Warnings of attributes that its file had before us, and loses. */
  readonly lost: readonly string[];
}

/**
 * Finds the new content of a file. Synchronous but for the user database: on a trusted path these calls stay in the
 * page cache, and handing them to another thread costs more than they do.
 */
export function writing(deps: SinkDeps, options: WriteOptions): Prepare {
  const witness = makeWitness();
  return async (places, file) => compare(deps, options, await places.placeOf(file), witness);
}

/**
 * Looks once at a file that nobody has touched; else reads it, renders each part into the bytes of those before it, and
 * compares.
 */
function compare(deps: SinkDeps, options: WriteOptions, place: Place, witness: Witness): Prepared {
  const { records, credentials, origin, rotated, neighbours = [] } = options;
  const stat = place.missing.length === 0 ? lookAt(place) : undefined;
  const traces = witness(place.directory.mountId, stat);
  const { former, warnings: lost } = takenOver(records, stat, place);
  const sinks = place.file.sinks.flatMap((sink): Recorded | readonly [] => {
    const record = records[idOf(sink)];
    const isNeighbour = neighbours.includes(idOf(sink));
    if (isNeighbour && !(record && stat && isUntouched(record, stat))) return [];
    const made = isNeighbour && record ? record : { ...madeOf(options, sink), ...(former && { former }) };
    const evidence = evidenceOf(traces, { made, record }, stat);
    const warnings = [...place.warnings, ...lost];
    const unchanged = { ...outcome(sink, 'unchanged'), ...evidence, ...reachOf(place), warnings };
    return { sink, isNeighbour, made, record, isRepair: !rotated && record?.key === made.key, unchanged, lost };
  });
  const asRecorded = sinks.map((sink) => finishRecorded(sink, stat, place));
  if (asRecorded.every((sink) => sink !== undefined)) return { finished: asRecorded };
  if (credentials) {
    const existing = stat && readFilled(deps, place);
    return replacement(deps, { ...place, existing }, sinks, (before, sink) =>
      deps.render(before, credentials, sink, origin),
    );
  }
  const drift = stat && attributeDrift(stat, place);
  const outdatedSinks = sinks.map(({ sink }) => ({ sink, outcome: outdated(sink, drift) }));
  return { finished: outdatedSinks.map((sink, index) => asRecorded[index] ?? sink) };
}

function replacement(
  deps: SinkDeps,
  place: Pick<Replacement, keyof Place | 'existing'>,
  sinks: readonly Recorded[],
  render: (before: Buffer | undefined, sink: SinkConfig) => Rendered,
): Prepared {
  const { existing } = place;
  const attributes = existing && attributesOf(place, existing);
  let bytes = existing?.bytes;
  const parts = sinks.map((recorded): Part => {
    if (recorded.isNeighbour) return neighbourPart(recorded, existing, now(deps));
    const { sink, made, lost } = recorded;
    const before = bytes;
    const rendered = render(before, sink);
    if (!rendered.ok) return { sink, outcome: failed(sink, rendered.error), isFinished: true };
    bytes = rendered.bytes;
    const isSame = before?.equals(bytes) === true;
    const drift: readonly Drift[] = attributes ? [...(isSame ? [] : (['bytes'] as const)), ...attributes] : ['missing'];
    if (existing && drift.length === 0) return unchangedPart(recorded, rendered.warnings, existing, now(deps));
    const { outcome, since } = changeOf(recorded, place, existing, drift);
    const warnings = [...rendered.warnings, ...warningsOf(place, existing), ...lost];
    const { diff } = rendered;
    const shown = { ...(before && { current: before }), next: bytes, ...(diff && { diff }) };
    return { sink, made, shown, outcome: { ...outcome, warnings }, ...(since && { since }) };
  });
  return replacing({ ...place, bytes, parts });
}

/** Its record follows the file, unless somebody has touched that since the first look. */
function neighbourPart(recorded: Recorded, existing: ExistingFile | undefined, time: Since): Part {
  const { sink, record, unchanged } = recorded;
  if (record && existing && isUntouched(record, existing.stat)) return unchangedPart(recorded, [], existing, time);
  return { sink, outcome: unchanged, isFinished: true };
}

/** Its record changes with the file, but not what is known of its bytes. */
function unchangedPart(recorded: Recorded, more: readonly string[], existing: ExistingFile, time: Since): Part {
  const { sink, made, unchanged } = recorded;
  const since = sinceOf(recorded, existing) ?? time;
  const outcome = { ...unchanged, warnings: [...unchanged.warnings, ...more] };
  const record = recordOf(made, existing.stat, since);
  return { sink, outcome, record, isFinished: true, made, since: { ...since, ...toKeep(unchanged.evidence) } };
}

function changeOf(
  recorded: Recorded,
  place: Place,
  existing: ExistingFile | undefined,
  drift: readonly Drift[],
): Pick<Part, 'outcome' | 'since'> {
  const { sink, unchanged, isRepair } = recorded;
  const record = existing && recordToRenew(recorded, existing);
  if (record) {
    return { outcome: { ...unchanged, result: 'written' }, since: { ...record, ...toKeep(unchanged.evidence) } };
  }
  const bytesChanged = drift.includes('missing') || drift.includes('bytes');
  const since = bytesChanged ? undefined : sinceOf(recorded, existing);
  const detail = describeDrift(place, existing, { drift, isRepair });
  const result = outcome(sink, isRepair ? 'repaired' : 'written');
  return { outcome: { ...result, ...reachOf(place), bytesChanged, drift, detail }, ...(since && { since }) };
}

/** The record, if nothing but the expiration changes: the keys are the same, and nobody has touched the file. */
function recordToRenew({ made, record }: Recorded, { stat }: ExistingFile): SinkRecord | undefined {
  const isSameKeys = record?.key === made.key && record.expiration !== made.expiration;
  return isSameKeys && isUntouched(record, stat) ? record : undefined;
}

/**
 * A file that was replaced for another expiration or another part alone is unread, but its keys may have been read
 * before.
 */
function evidenceOf(
  traces: Evidence,
  { made, record }: Pick<Recorded, 'made' | 'record'>,
  stat: BigIntStats | undefined,
): Evidence {
  const { evidence } = traces;
  if (!evidence || !record?.evidence || !stat || record.key !== made.key || !isUntouched(record, stat)) return traces;
  const { writtenAt, readAt = evidence.kind === 'read' ? evidence.readAt : undefined } = record.evidence;
  if (readAt === undefined) return { evidence: { ...evidence, writtenAt } };
  return { evidence: { kind: 'read', writtenAt, readAt } };
}

function toKeep(evidence: SinkOutcome['evidence']): Pick<SinkRecord, 'evidence'> {
  if (!evidence) return {};
  const { writtenAt } = evidence;
  return { evidence: { writtenAt, ...(evidence.kind === 'read' && { readAt: evidence.readAt }) } };
}

function readFilled({ security, clock }: SinkDeps, place: Place): ExistingFile | undefined {
  const existing = readExisting(place, security);
  if (existing) refuseJustEmptied(place.file.path, existing.stat, clock.now());
  return existing;
}

export function now({ clock, readBootTime }: Pick<SinkDeps, 'clock' | 'readBootTime'>): Since {
  return { renamedAt: clock.now(), renamedAtBoot: readBootTime() };
}

export function attributeDrift(stat: BigIntStats, { file, ids }: Pick<Place, 'file' | 'ids'>): readonly Drift[] {
  const mode = modeOf(stat);
  const hasMode = mode === file.mode || (file.isModeAny === true && (mode & 0o007) === 0);
  const hasOwner = Number(stat.uid) === ids.uid && Number(stat.gid) === ids.gid;
  return [...(hasMode ? [] : (['mode'] as const)), ...(hasOwner ? [] : (['owner'] as const))];
}

function attributesOf(place: Place, { stat, hasAcl }: ExistingFile): readonly Drift[] {
  // An ACL lets in more users than the mode says.
  return [...new Set<Drift>([...(hasAcl ? (['mode'] as const) : []), ...attributeDrift(stat, place)])];
}

function reachOf({ warnings }: Place): Pick<SinkOutcome, 'isUnreachable'> {
  return warnings.length > 0 ? { isUnreachable: true } : {};
}

/** `other bytes, mode 0666 instead of 0640` */
function describeDrift(
  { file, ids }: Place,
  existing: ExistingFile | undefined,
  { drift, isRepair }: { readonly drift: readonly Drift[]; readonly isRepair: boolean },
): string {
  const { mode } = file;
  if (!existing) return isRepair ? 'the file was removed' : `a new file of mode ${octal(mode)}`;
  const { stat, hasAcl } = existing;
  const words: Readonly<Record<Drift, string>> = {
    missing: '',
    bytes: isRepair ? `bytes that were changed at ${new Date(Number(stat.mtimeMs)).toISOString()}` : 'other bytes',
    mode: `mode ${octal(modeOf(stat))}${hasAcl ? ' with an ACL' : ''} instead of ${octal(mode)}`,
    owner: `owner ${stat.uid}:${stat.gid} instead of ${ids.uid}:${ids.gid}`,
  };
  return drift.map((kind) => words[kind]).join(', ');
}

/** The sink as it is, if its record still says all: the request is the same, and nobody has touched the file. */
function finishRecorded(
  { sink, made, record, unchanged }: Recorded,
  stat: BigIntStats | undefined,
  place: Place,
): FinishedSink | undefined {
  if (!stat || record?.key !== made.key || record.expiration !== made.expiration) return undefined;
  if (!isUntouched(record, stat) || attributeDrift(stat, place).length > 0) return undefined;
  return { sink, outcome: unchanged, record };
}

/** Time of the last byte change, if the record still applies. */
function sinceOf({ made, record }: Recorded, existing: ExistingFile | undefined): Since | undefined {
  if (!record || !existing) return undefined;
  return record.key === made.key || isUntouched(record, existing.stat) ? record : undefined;
}

export function warningsOf(place: Pick<Place, 'warnings'>, existing: ExistingFile | undefined): string[] {
  const warnings = [...place.warnings];
  if (existing?.hasAcl === true) warnings.push('the ACL of the file before is not kept: use owner, group, mode');
  if (existing && existing.stat.nlink > 1n) {
    warnings.push('the file had other names (hard links): they keep the old credentials');
  }
  return warnings;
}
