import { type BigIntStats, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SinkConfig } from '../../core/config.ts';
import { AgentError, errnoError, isErrno, toErrorInfo } from '../../core/errors.ts';
import type { SinkOutcome } from '../../core/outcomes.ts';
import { sinkId } from '../../core/sink-id.ts';
import { isTempOf } from '../../files/sweep.ts';
import type { Directory, Room } from '../../paths/held.ts';
import { openDirectory } from '../../paths/policies.ts';
import type { Walker } from '../../paths/walked.ts';
import {
  type BeforeWrite,
  filesOf,
  type FinishedSink,
  isPreview,
  type Job,
  type JobResult,
  type Part,
  type Prepared,
  type Replacement,
  type SinkDeps,
  type SinkPreview,
  type TempFile,
} from '../contract.ts';
import { attributeDrift, now, writing } from '../place/compare.ts';
import { lookAt, whichIsThere } from '../place/existing.ts';
import { explain } from '../place/failure.ts';
import { forgetting } from '../place/forget.ts';
import { type Holders, Places, walkerOf } from '../place/places.ts';
import { failAll, finishAll, type Prepare, prepareFiles } from '../place/prepare.ts';
import { modeOf } from '../place/records.ts';
import { type Replaced, replaceTogether } from './replace.ts';

/** How often a file is read and merged again because another program changed it before our rename. */
const ATTEMPTS = 3;
/** Between attempts, so that the other program can finish. */
const PAUSE_MS = 60;

/**
 * Does one identity's job. Files that differ are staged together and renamed together, in batches that fit the limit of
 * file descriptors. An error with a sink is its outcome and stops no other; never rejects.
 */
export async function work(deps: SinkDeps, job: Job, beforeWrite: BeforeWrite): Promise<JobResult> {
  const { sinks, temps } = job;
  await deps.loadFormats(sinks);
  const prepare = 'force' in job ? forgetting(deps, job) : writing(deps, job);
  if (isPreview(job.kind)) return { outcomes: inOrder(sinks, await preview(deps, job, prepare)), records: {}, temps };
  const journal = [...temps];
  const finished = await writeFiles(deps, job, prepare, async (staged) => {
    journal.push(...staged.map(({ temp }) => temp));
    await beforeWrite(staged);
  });
  const left = await sweepOwn(journal, walkerOf(deps, job));
  const results = inOrder(sinks, finished);
  const outcomes = results.map(({ outcome }) => {
    return { ...outcome, warnings: [...outcome.warnings, ...warnLeft(outcome, left)] };
  });
  const records = results.flatMap(({ outcome, record }) => (record ? [[sinkId(outcome), record] as const] : []));
  return { outcomes, records: Object.fromEntries(records), temps: left };
}

/** Warns of temp files that a kill has left beside a sink, and that cannot be removed. */
function warnLeft(sink: SinkOutcome, temps: readonly TempFile[]): readonly string[] {
  const left = temps.filter(
    ({ path }) => dirname(path) === dirname(sink.path) && isTempOf(basename(path), basename(sink.path)),
  );
  return left.map(({ path }) => `${path} cannot be removed, and may hold credentials: remove it by hand`);
}

function inOrder<T>(sinks: readonly SinkConfig[], results: ReadonlyMap<SinkConfig, T>): T[] {
  return sinks.flatMap((sink) => results.get(sink) ?? []);
}

async function preview(deps: SinkDeps, job: Job, prepare: Prepare): Promise<ReadonlyMap<SinkConfig, SinkPreview>> {
  const holders: Holders = new Map();
  const previews = new Map<SinkConfig, SinkPreview>();
  let kept = 0;
  for (const batch of batches(filesOf(job.sinks))) {
    using places = new Places(deps, job, holders);
    const rooms: Rooms = new Map();
    for (const prepared of await prepareFiles(places, batch, prepare)) {
      const parts: readonly Part[] = 'finished' in prepared ? prepared.finished : foresee(prepared.change, rooms);
      for (const { sink, outcome, shown } of parts) {
        kept += sizeOf(shown);
        previews.set(sink, { ...outcome, ...(kept <= KEPT_BYTES ? shown : shown?.diff && { diff: shown.diff }) });
      }
    }
  }
  return previews;
}

/** The most bytes, before and after, that a preview of all sinks keeps to be shown. */
const KEPT_BYTES = 32 * 1024 * 1024;

function sizeOf({ current, next }: NonNullable<Part['shown']> = {}): number {
  return (current?.length ?? 0) + (next?.length ?? 0);
}

/** The room left on each file system, by its device: all new files are there before the first rename. */
type Rooms = Map<bigint, Room>;

/** A preview alone believes what a file system says of its room: some take more, and a write finds out. */
function foresee({ directory, bytes, file, parts }: Replacement, rooms: Rooms): readonly Part[] {
  try {
    if (bytes) takeRoom(directory, bytes.length, rooms);
    return parts;
  } catch (error) {
    return failAll(parts, toErrorInfo(explain(error, 'SINK_WRITE_FAILED', file.path)));
  }
}

/** Throws ENOSPC. */
function takeRoom(directory: Directory, bytes: number, rooms: Rooms): void {
  const { dev } = directory.stat();
  const { blocks, blockBytes, files } = rooms.get(dev) ?? directory.room();
  const left = { blocks: blocks - Math.ceil(bytes / blockBytes), blockBytes, files: files - 1 };
  if (left.files < 0) throw errnoError('ENOSPC', 'open');
  if (left.blocks < 0) throw errnoError('ENOSPC', 'write');
  rooms.set(dev, left);
}

async function writeFiles(
  deps: SinkDeps,
  job: Job,
  prepare: Prepare,
  beforeWrite: BeforeWrite,
): Promise<ReadonlyMap<SinkConfig, FinishedSink>> {
  const finished = new Map<SinkConfig, FinishedSink>();
  const isInConflict = (sink: SinkConfig): boolean => finished.get(sink)?.outcome.error?.code === 'SINK_CONFLICT';
  let files = filesOf(job.sinks);
  for (let left = ATTEMPTS; files.length > 0; left--) {
    if (left < ATTEMPTS) await delay(PAUSE_MS);
    const holders: Holders = new Map();
    for (const batch of batches(files)) {
      using places = new Places(deps, job, holders);
      const prepared = await prepareFiles(places, batch, prepare);
      for (const each of await replaceBatch(deps, places, prepared, beforeWrite)) finished.set(each.sink, each);
      places.sweep(batch, deps.clock.now());
    }
    files = left > 1 ? files.filter(({ sinks }) => sinks.some(isInConflict)) : [];
  }
  return finished;
}

async function replaceBatch(
  deps: SinkDeps,
  places: Places,
  files: readonly Prepared[],
  beforeWrite: BeforeWrite,
): Promise<readonly FinishedSink[]> {
  const finished: FinishedSink[] = [];
  const changes: Replacement[] = [];
  for (const prepared of files) {
    if ('finished' in prepared) finished.push(...prepared.finished);
    else {
      const { change } = prepared;
      try {
        changes.push(places.make(change));
      } catch (error) {
        finished.push(...failAll(change.parts, toErrorInfo(explain(error, 'SINK_WRITE_FAILED', change.file.path))));
      }
    }
  }
  const results = await replaceTogether(deps, changes, beforeWrite);
  return [...finished, ...results.flatMap((result) => conclude(deps, places, result))];
}

function conclude(deps: SinkDeps, places: Places, { change, warnings, error }: Replaced): FinishedSink[] {
  if (error) return failAll(change.parts, error);
  try {
    places.confirm(change);
    return finishAll(change.parts, change.bytes && verify(deps, change, change.bytes), warnings, now(deps));
  } catch (failure) {
    return failAll(change.parts, toErrorInfo(explain(failure, 'SINK_UNVERIFIED', change.file.path)));
  }
}

/** The file after the rename. Throws SINK_UNVERIFIED if it is not as it was written. */
function verify({ security }: SinkDeps, change: Replacement, bytes: Buffer): BigIntStats {
  const { file, ids } = change;
  const stat = lookAt(change);
  if (stat?.size === BigInt(bytes.length) && stat.nlink === 1n && attributeDrift(stat, change).length === 0)
    return stat;
  const expected = `${bytes.length} bytes, mode ${file.mode.toString(8)}, owner ${ids.uid}:${ids.gid}`;
  const got = stat
    ? `${stat.size} bytes, mode ${modeOf(stat).toString(8)}, owner ${stat.uid}:${stat.gid}, ${stat.nlink} names`
    : 'no file';
  const hint = 'another program changes the file, or its file system keeps no owners and modes';
  const message = `${file.path}: expected ${expected}, got ${got}: ${whichIsThere(change, bytes, security)}`;
  throw new AgentError('SINK_UNVERIFIED', message, { hint });
}

/**
 * Removes journalled temp files that a kill has left behind, and returns those that are still to be removed. A file with
 * another inode than the journalled one is somebody else's, and stays. Never rejects.
 */
export async function sweepOwn(temps: readonly TempFile[], walker: Walker): Promise<readonly TempFile[]> {
  const kept: TempFile[] = [];
  for (const [path, group] of Map.groupBy(temps, (temp) => dirname(temp.path))) {
    using found = openDirectory('sink', path, walker);
    if (found.kind === 'directory') {
      if (found.missing.length === 0) kept.push(...(await sweepDirectory(found.held, group)));
    } else kept.push(...group);
  }
  return kept;
}

async function sweepDirectory(directory: Directory, temps: readonly TempFile[]): Promise<readonly TempFile[]> {
  const tried = temps.map((temp) => ({ temp, fate: remove(directory, temp) }));
  if (tried.some(({ fate }) => fate === 'removed')) {
    // The journal forgets them next, so a power cut may not bring them back.
    const isSynced = await directory.sync().then(
      () => true,
      () => false,
    );
    if (!isSynced) return temps;
  }
  return tried.filter(({ fate }) => fate === 'stuck').map(({ temp }) => temp);
}

function remove(directory: Directory, { path, inode }: TempFile): 'gone' | 'removed' | 'stuck' {
  const name = basename(path);
  try {
    using held = directory.find(name);
    const stat = held?.stat();
    if (!stat?.isFile() || String(stat.ino) !== inode) return 'gone';
    directory.unlink(name);
    return 'removed';
  } catch (error) {
    // Without rights in the directory any more, we have nothing to remove there.
    return isErrno(error, 'EACCES') ? 'gone' : 'stuck';
  }
}

/** A staged sink holds the descriptors of its temp file and of its directory. */
const PER_SINK = 2;
/** For everything else meanwhile: the state file, notifications, the control socket. */
const MARGIN = 32;

/** As many items at a time as can be staged together before file descriptors run out. */
function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length;) {
    const size = stagingCapacity();
    yield items.slice(start, start + size);
    start += size;
  }
}

function stagingCapacity(): number {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'ascii')) ?? [];
    return capacity(Number(limit), readdirSync('/proc/self/fd').length);
  } catch {
    return 1;
  }
}

/** At least one: its error then names the limit. */
export function capacity(limit: number, inUse: number): number {
  return Math.max(1, Math.floor((limit - inUse - MARGIN) / PER_SINK) || 1);
}
