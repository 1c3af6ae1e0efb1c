import type { BigIntStats } from 'node:fs';
import type { Credentials } from '../core/credentials.ts';
import type { Drift, SinkOutcome } from '../core/outcomes.ts';
import type { SinkRecord } from './contract.ts';
import type { Witness } from './evidence.ts';
import { failed, outcome, outdated } from './failure.ts';
import type { Place, SinkDeps, Wish } from './place.ts';
import { refuseUnwritable } from './places.ts';
import { isUntouched, madeOf, modeOf, recordOf, type Made, type Since } from './records.ts';
import { lookAt, readStanding, refuseJustEmptied, type Standing } from './standing.ts';

/** A file that is to take the place of a sink's. */
export interface Replacement extends Place {
  /** What was read and merged; undefined when there is no file. */
  readonly standing: Standing | undefined;
  readonly bytes: Buffer;
  /** What is to be reported once it is done. */
  readonly outcome: SinkOutcome;
}

/** A sink that is to be made equal to the credentials. */
export interface Change extends Replacement {
  readonly made: Made;
  /** Unset: its bytes change now. */
  readonly since: Since | undefined;
}

/** A sink with which nothing is to be done. */
export interface Settled {
  readonly outcome: SinkOutcome;
  /** When it stands as configured. */
  readonly record?: SinkRecord;
}

interface Known {
  readonly made: Made;
  readonly record: SinkRecord | undefined;
}

export type Prepared = { readonly settled: Settled } | { readonly change: Change };

/** One look for a sink that nobody has touched; else reads, renders and compares. Throws AgentError and errno errors. */
export function compare(deps: SinkDeps, wish: Wish, place: Place, witness: Witness): Prepared {
  const { sink, path } = place;
  const known = { made: madeOf(wish, sink), record: wish.records[sink.path] };
  const seen = place.missing.length === 0 ? lookAt(place) : undefined;
  const evidence = evidenceOf(witness(path, seen), known, seen);
  const unchanged = { ...outcome(sink, 'unchanged'), ...evidence, warnings: place.warnings };
  const record = seen && recordThatStands(known, seen, place);
  if (record) return { settled: { outcome: unchanged, record } };
  if (!wish.credentials) return { settled: { outcome: outdated(sink, seen && attributeDrift(seen, place)) } };
  return render(deps, { ...wish, credentials: wish.credentials }, place, { ...known, seen, unchanged });
}

interface Compared extends Known {
  readonly seen: BigIntStats | undefined;
  /** What is to be reported where the bytes are right after all. */
  readonly unchanged: SinkOutcome;
}

function render(
  deps: SinkDeps,
  wish: Wish & { readonly credentials: Credentials },
  place: Place,
  { seen, unchanged, ...known }: Compared,
): Prepared {
  const { sink } = place;
  const standing = seen && readFilled(deps, place);
  const rendered = deps.render(standing?.bytes, wish.credentials, sink, wish.origin);
  if (!rendered.ok) return { settled: { outcome: failed(sink, rendered.error) } };
  const drift = driftOf(place, standing, rendered.bytes);
  if (standing && drift.length === 0) {
    const fresh = recordOf(known.made, standing.stat, sinceOf(known, standing) ?? now(deps));
    return {
      settled: { outcome: { ...unchanged, warnings: [...unchanged.warnings, ...rendered.warnings] }, record: fresh },
    };
  }
  refuseUnwritable(place);
  const change = { ...place, standing, bytes: rendered.bytes, made: known.made };
  const warnings = [...rendered.warnings, ...warningsOf(place, standing)];
  const record = standing && recordToRenew(known, standing);
  if (record) {
    const since = { ...record, ...toKeep(unchanged.evidence) };
    return { change: { ...change, outcome: { ...unchanged, result: 'written', warnings }, since } };
  }
  const bytesChanged = drift.includes('missing') || drift.includes('bytes');
  const since = bytesChanged ? undefined : sinceOf(known, standing);
  const reported = { ...outcome(sink, wish.rotated ? 'written' : 'repaired'), bytesChanged, drift, warnings };
  return { change: { ...change, outcome: reported, since } };
}

/** The record, if nothing but the expiration changes: the keys are the same, and nobody has touched the file. */
function recordToRenew({ made, record }: Known, { stat }: Standing): SinkRecord | undefined {
  const isSameKeys = record?.key === made.key && record.expiration !== made.expiration;
  return isSameKeys && isUntouched(record, stat) ? record : undefined;
}

/** A file that was replaced for another expiration alone is unread, but its keys may have been read before. */
function evidenceOf(
  seen: ReturnType<Witness>,
  { made, record }: Known,
  stat: BigIntStats | undefined,
): ReturnType<Witness> {
  const { evidence } = seen;
  if (!evidence || !record?.evidence || !stat || record.key !== made.key || !isUntouched(record, stat)) return seen;
  const { writtenAt, readAt = evidence.kind === 'read' ? evidence.readAt : undefined } = record.evidence;
  if (readAt === undefined) return { evidence: { ...evidence, writtenAt } };
  return { evidence: { kind: 'read', writtenAt, readAt } };
}

function toKeep(evidence: SinkOutcome['evidence']): Pick<SinkRecord, 'evidence'> {
  if (!evidence) return {};
  const { writtenAt } = evidence;
  return { evidence: { writtenAt, ...(evidence.kind === 'read' && { readAt: evidence.readAt }) } };
}

function readFilled({ security, clock }: SinkDeps, place: Place): Standing | undefined {
  const standing = readStanding(place, security);
  if (standing) refuseJustEmptied(place.sink.path, standing.stat, clock.now());
  return standing;
}

export function now({ clock, readBootTime }: SinkDeps): Since {
  return { renamedAt: clock.now(), renamedAtBoot: readBootTime() };
}

/** In what a file differs from the configured mode and owner. */
export function attributeDrift(stat: BigIntStats, { sink, ids }: Pick<Place, 'sink' | 'ids'>): readonly Drift[] {
  const hasMode = modeOf(stat) === sink.mode;
  const hasOwner = Number(stat.uid) === ids.uid && Number(stat.gid) === ids.gid;
  return [...(hasMode ? [] : (['mode'] as const)), ...(hasOwner ? [] : (['owner'] as const))];
}

function driftOf(place: Place, standing: Standing | undefined, bytes: Buffer): readonly Drift[] {
  if (!standing) return ['missing'];
  const differing = attributeDrift(standing.stat, place);
  // An ACL lets in more users than the mode says.
  const attributes = [...new Set<Drift>([...(standing.hasAcl ? (['mode'] as const) : []), ...differing])];
  return standing.bytes.equals(bytes) ? attributes : ['bytes', ...attributes];
}

/** The record, if it still says all: the wish is the same, and nobody touched the file. */
function recordThatStands({ made, record }: Known, stat: BigIntStats, place: Place): SinkRecord | undefined {
  if (record?.key !== made.key || record.expiration !== made.expiration) return undefined;
  if (!isUntouched(record, stat)) return undefined;
  return attributeDrift(stat, place).length === 0 ? record : undefined;
}

/** When bytes that stay last changed: known as long as the record speaks of them. */
function sinceOf({ made, record }: Known, standing: Standing | undefined): Since | undefined {
  if (!record || !standing) return undefined;
  return record.key === made.key || isUntouched(record, standing.stat) ? record : undefined;
}

export function warningsOf(place: Pick<Place, 'warnings'>, standing: Standing | undefined): string[] {
  const warnings = [...place.warnings];
  if (standing?.hasAcl === true)
    warnings.push('the ACL of the file that stood there is not kept: use owner, group, mode');
  if (standing && standing.stat.nlink > 1n) {
    warnings.push('the file had other names (hard links): they keep the old credentials');
  }
  return warnings;
}
