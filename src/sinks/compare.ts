import type { BigIntStats } from 'node:fs';
import type { SinkConfig } from '../core/config.ts';
import type { Credentials } from '../core/credentials.ts';
import type { Actors, AtomicFiles, BootTime, Clock, FileSecurity, UserIds, Users } from '../core/contracts.ts';
import type { Drift, SinkOutcome } from '../core/outcomes.ts';
import type { ApplyRequest, Render, SinkRecord } from './contract.ts';
import type { Witness } from './evidence.ts';
import { failed, outcome, outdated } from './failure.ts';
import { isUntouched, keyOf, modeOf, recordOf, type Since } from './records.ts';
import { lookAt, readStanding, refuseJustEmptied, type Standing } from './standing.ts';
import type { SinkDirectory } from './trust.ts';

/** What the sinks need of the outside world. */
export interface SinkDeps {
  readonly files: AtomicFiles;
  readonly security: FileSecurity;
  readonly users: Users;
  readonly clock: Pick<Clock, 'now'>;
  readonly readBootTime: () => BootTime;
  readonly render: Render;
  /** Unset: nothing is written where another user controls the path. */
  readonly actors?: Actors;
}

/** What the files are to say, and whom to trust on the way to them. */
export interface Wish extends Pick<ApplyRequest, 'print' | 'credentials' | 'origin' | 'rotated' | 'records'> {
  /** Group ids. */
  readonly trustedGroups: readonly number[];
}

/** Where a sink is and whose it is to be. */
export interface Place {
  readonly sink: SinkConfig;
  /** The sink's path without symlinks. */
  readonly target: string;
  readonly directory: SinkDirectory;
  readonly ids: UserIds;
}

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
  readonly key: string;
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
  readonly key: string;
  readonly record: SinkRecord | undefined;
}

export type Prepared = { readonly settled: Settled } | { readonly change: Change };

/** One lstat for a sink that nobody has touched; else reads, renders and compares. Throws AgentError and errno errors. */
export function compare(deps: SinkDeps, wish: Wish, place: Place, witness: Witness): Prepared {
  const { sink, target } = place;
  const known = { key: keyOf(wish, sink), record: wish.records[sink.path] };
  const seen = lookAt(target);
  const record = seen && recordThatStands(known, seen, place);
  const unchanged = { ...outcome(sink, 'unchanged'), ...witness(target, seen) };
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
    const fresh = recordOf(known.key, standing.stat, sinceOf(known, standing) ?? now(deps));
    return { settled: { outcome: { ...unchanged, warnings: rendered.warnings }, record: fresh } };
  }
  const bytesChanged = drift.includes('missing') || drift.includes('bytes');
  const since = bytesChanged ? undefined : sinceOf(known, standing);
  const warnings = [...rendered.warnings, ...warningsOf(place, standing)];
  const reported = { ...outcome(sink, wish.rotated ? 'written' : 'repaired'), bytesChanged, drift, warnings };
  return { change: { ...place, standing, bytes: rendered.bytes, outcome: reported, key: known.key, since } };
}

function readFilled({ security, clock }: SinkDeps, { sink, target }: Place): Standing | undefined {
  const standing = readStanding(target, security);
  if (standing) refuseJustEmptied(sink.path, standing.stat, clock.now());
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
  const attributes = attributeDrift(standing.stat, place);
  return standing.bytes.equals(bytes) ? attributes : ['bytes', ...attributes];
}

/** The record, if it still says all: the wish is the same, and nobody touched the file. */
function recordThatStands({ key, record }: Known, stat: BigIntStats, place: Place): SinkRecord | undefined {
  if (record?.key !== key || !isUntouched(record, stat)) return undefined;
  return attributeDrift(stat, place).length === 0 ? record : undefined;
}

/** When bytes that stay last changed: known as long as the record speaks of them. */
function sinceOf({ key, record }: Known, standing: Standing | undefined): Since | undefined {
  if (!record || !standing) return undefined;
  return record.key === key || isUntouched(record, standing.stat) ? record : undefined;
}

export function warningsOf({ sink, directory }: Place, standing: Standing | undefined): string[] {
  const warnings: string[] = [];
  if (standing?.hasAcl === true)
    warnings.push('the ACL of the file that stood there is not kept: use owner, group, mode');
  if (standing && standing.stat.nlink > 1n) {
    warnings.push('the file had other names (hard links): they keep the old credentials');
  }
  if (directory.missing.length > 0 && (sink.mode & 0o077) !== 0) {
    warnings.push(`${directory.path} was made with mode 0700: only its owner reaches the file`);
  }
  return warnings;
}
