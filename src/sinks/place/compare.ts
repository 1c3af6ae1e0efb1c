import type { BigIntStats } from 'node:fs';
import type { SinkConfig } from '../../core/config.ts';
import { toErrorInfo } from '../../core/errors.ts';
import type { Drift, SinkOutcome } from '../../core/outcomes.ts';
import { octal } from '../../core/printable.ts';
import { idOf } from '../../core/sink-id.ts';
import type { Place, Rendered, SinkDeps, WriteWish } from '../contract.ts';
import { failed, outcome, outdated } from './failure.ts';
import { type Part, type Prepare, type Prepared, settleAll, type Settled } from './prepare.ts';
import { refuseUnwritable } from './places.ts';
import type { SinkRecord } from '../record.ts';
import {
  isUntouched,
  type Made,
  madeOf,
  makeWitness,
  modeOf,
  recordOf,
  type Since,
  takenOver,
  type Witness,
} from './records.ts';
import { lookAt, readStanding, refuseJustEmptied, type Standing } from './existing.ts';

interface Known {
  readonly sink: SinkConfig;
  readonly made: Made;
  readonly record: SinkRecord | undefined;
  /** Only of what we had written is it known that somebody changed it. */
  readonly isRepair: boolean;
  /** What is to be reported where its bytes are right. */
  readonly unchanged: SinkOutcome;
  /** What its file loses of what it had before us. */
  readonly lost: readonly string[];
}

interface Seen extends Place {
  /** The file; undefined: there is none. */
  readonly seen: BigIntStats | undefined;
}

/**
 * Finds what a file is to become. Synchronous but for the user database: on a trusted path these calls stay in the page
 * cache, and handing them to another thread costs more than they do.
 */
export function writing(deps: SinkDeps, wish: WriteWish): Prepare {
  const witness = makeWitness();
  return async (places, file) => compare(deps, wish, await places.placeOf(file), witness);
}

/**
 * One look for a file that nobody has touched; else reads it, renders each part into what those before have made of it,
 * and compares.
 */
function compare(deps: SinkDeps, wish: WriteWish, found: Place, witness: Witness): Prepared {
  const seen = found.missing.length === 0 ? lookAt(found) : undefined;
  const place: Seen = { ...found, seen };
  const traces = witness(place.directory.mountId, seen);
  const { former, warnings } = takenOver(wish.records, seen, place);
  const known = place.file.sinks.map((sink): Known => {
    const [made, record] = [{ ...madeOf(wish, sink), ...(former && { former }) }, wish.records[idOf(sink)]];
    const seenOfIt = { ...evidenceOf(traces, { made, record }, seen), ...reachOf(place) };
    const said = { ...outcome(sink, 'unchanged'), ...seenOfIt, warnings: [...place.warnings, ...warnings] };
    return { sink, made, record, isRepair: !wish.rotated && record?.key === made.key, unchanged: said, lost: warnings };
  });
  const standing = known.flatMap((one) => standingAs(one, place) ?? []);
  if (standing.length === known.length) return { settled: standing };
  const { credentials, origin } = wish;
  if (credentials) {
    return replacement(deps, place, known, (before, sink) => deps.render(before, credentials, sink, origin));
  }
  const drift = seen && attributeDrift(seen, place);
  return {
    settled: known.map((one) => standingAs(one, place) ?? { sink: one.sink, outcome: outdated(one.sink, drift) }),
  };
}

function replacement(
  deps: SinkDeps,
  place: Seen,
  known: readonly Known[],
  render: (before: Buffer | undefined, sink: SinkConfig) => Rendered,
): Prepared {
  const standing = place.seen && readFilled(deps, place);
  const attributes = standing && attributesOf(place, standing);
  let bytes = standing?.bytes;
  const parts = known.map((one): Part => {
    const { sink, made } = one;
    const before = bytes;
    const rendered = render(before, sink);
    if (!rendered.ok) return { sink, outcome: failed(sink, rendered.error), isSettled: true };
    bytes = rendered.bytes;
    const isSame = before?.equals(bytes) === true;
    const drift: readonly Drift[] = attributes ? [...(isSame ? [] : (['bytes'] as const)), ...attributes] : ['missing'];
    if (standing && drift.length === 0) return unchangedPart(one, rendered.warnings, standing, now(deps));
    const { outcome, since } = changeOf(one, place, standing, drift);
    const warnings = [...rendered.warnings, ...warningsOf(place, standing), ...one.lost];
    const shown = { ...(before && { current: before }), next: bytes };
    return { sink, made, shown, outcome: { ...outcome, warnings }, ...(since && { since }) };
  });
  return finish(place, standing, bytes, parts);
}

/** Throws nothing of the parts that need no writing. */
function finish(
  place: Place,
  standing: Standing | undefined,
  bytes: Buffer | undefined,
  parts: readonly Part[],
): Prepared {
  const settled = parts.filter(({ isSettled }) => isSettled);
  if (settled.length === parts.length) return { settled };
  try {
    refuseUnwritable(place);
    return { change: { ...place, standing, bytes, parts } };
  } catch (error) {
    return { settled: settleAll(parts, toErrorInfo(error)) };
  }
}

/** Its record changes with the file, but not what is known of its bytes. */
function unchangedPart(one: Known, more: readonly string[], standing: Standing, time: Since): Part {
  const { sink, made, unchanged } = one;
  const since = sinceOf(one, standing) ?? time;
  const said = { ...unchanged, warnings: [...unchanged.warnings, ...more] };
  const record = recordOf(made, standing.stat, since);
  return { sink, outcome: said, record, isSettled: true, made, since: { ...since, ...toKeep(unchanged.evidence) } };
}

function changeOf(
  one: Known,
  place: Place,
  standing: Standing | undefined,
  drift: readonly Drift[],
): Pick<Part, 'outcome' | 'since'> {
  const { sink, unchanged, isRepair } = one;
  const record = standing && recordToRenew(one, standing);
  if (record) {
    return { outcome: { ...unchanged, result: 'written' }, since: { ...record, ...toKeep(unchanged.evidence) } };
  }
  const bytesChanged = drift.includes('missing') || drift.includes('bytes');
  const since = bytesChanged ? undefined : sinceOf(one, standing);
  const said = { bytesChanged, drift, detail: describeDrift(place, standing, { drift, isRepair }) };
  return {
    outcome: { ...outcome(sink, isRepair ? 'repaired' : 'written'), ...reachOf(place), ...said },
    ...(since && { since }),
  };
}

/** The record, if nothing but the expiration changes: the keys are the same, and nobody has touched the file. */
function recordToRenew({ made, record }: Known, { stat }: Standing): SinkRecord | undefined {
  const isSameKeys = record?.key === made.key && record.expiration !== made.expiration;
  return isSameKeys && isUntouched(record, stat) ? record : undefined;
}

/** A file that was replaced for another expiration or another part alone is unread, but its keys may have been read before. */
function evidenceOf(
  seen: ReturnType<Witness>,
  { made, record }: Pick<Known, 'made' | 'record'>,
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
  if (standing) refuseJustEmptied(place.file.path, standing.stat, clock.now());
  return standing;
}

export function now({ clock, readBootTime }: Pick<SinkDeps, 'clock' | 'readBootTime'>): Since {
  return { renamedAt: clock.now(), renamedAtBoot: readBootTime() };
}

/** In what a file differs from the configured mode and owner. */
export function attributeDrift(stat: BigIntStats, { file, ids }: Pick<Place, 'file' | 'ids'>): readonly Drift[] {
  const mode = modeOf(stat);
  const hasMode = mode === file.mode || (file.isModeAny === true && (mode & 0o007) === 0);
  const hasOwner = Number(stat.uid) === ids.uid && Number(stat.gid) === ids.gid;
  return [...(hasMode ? [] : (['mode'] as const)), ...(hasOwner ? [] : (['owner'] as const))];
}

function attributesOf(place: Place, { stat, hasAcl }: Standing): readonly Drift[] {
  // An ACL lets in more users than the mode says.
  return [...new Set<Drift>([...(hasAcl ? (['mode'] as const) : []), ...attributeDrift(stat, place)])];
}

function reachOf({ warnings }: Place): Pick<SinkOutcome, 'isUnreachable'> {
  return warnings.length > 0 ? { isUnreachable: true } : {};
}

/** `other bytes, mode 0666 instead of 0640` */
function describeDrift(
  { file, ids }: Place,
  standing: Standing | undefined,
  { drift, isRepair }: { readonly drift: readonly Drift[]; readonly isRepair: boolean },
): string {
  const { mode } = file;
  if (!standing) return isRepair ? 'the file was removed' : `a new file of mode ${octal(mode)}`;
  const { stat, hasAcl } = standing;
  const words: Readonly<Record<Drift, string>> = {
    missing: '',
    bytes: isRepair ? `bytes that were changed at ${new Date(Number(stat.mtimeMs)).toISOString()}` : 'other bytes',
    mode: `mode ${octal(modeOf(stat))}${hasAcl ? ' with an ACL' : ''} instead of ${octal(mode)}`,
    owner: `owner ${stat.uid}:${stat.gid} instead of ${ids.uid}:${ids.gid}`,
  };
  return drift.map((kind) => words[kind]).join(', ');
}

/** The sink as it is, if its record still says all: the wish is the same, and nobody touched the file. */
function standingAs({ sink, made, record, unchanged }: Known, place: Seen): Settled | undefined {
  const { seen } = place;
  if (!seen || record?.key !== made.key || record.expiration !== made.expiration) return undefined;
  if (!isUntouched(record, seen) || attributeDrift(seen, place).length > 0) return undefined;
  return { sink, outcome: unchanged, record };
}

/** Time of the last byte change, if the record still applies. */
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
