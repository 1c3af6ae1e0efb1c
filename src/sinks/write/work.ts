import type { BigIntStats } from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SinkConfig } from '../../core/config.ts';
import { AgentError, isErrno, toErrorInfo } from '../../core/errors.ts';
import type { SinkOutcome } from '../../core/outcomes.ts';
import { sinkId } from '../../core/sink-id.ts';
import { isTempOf } from '../../files/sweep.ts';
import type { Directory } from '../../paths/held.ts';
import { openDirectory } from '../../paths/policies.ts';
import type { Walker } from '../../paths/walked.ts';
import { attributeDrift, now, writing } from '../place/compare.ts';
import { type BeforeWrite, type Done, filesOf, isLook, type Job, type SinkDeps, type TempFile } from '../contract.ts';
import { batches } from './descriptors.ts';
import { explain } from '../place/failure.ts';
import { forgetting } from '../place/forget.ts';
import {
  concludeAll,
  type Part,
  type Prepare,
  type Prepared,
  prepareFiles,
  type Replacement,
  settleAll,
  type Settled,
} from '../place/prepare.ts';
import { type Holders, Places, walkerOf } from '../place/places.ts';
import { modeOf } from '../place/records.ts';
import { type Replaced, replaceTogether } from './replace.ts';
import { lookAt, whichStands } from '../place/existing.ts';

/** So often a file is read and merged that another program changes between our read and our rename. */
const ATTEMPTS = 3;
/** Between them, so that the other program can end what it does; milliseconds. */
const PAUSE = 60;

/**
 * Files that differ are staged together and renamed together, in batches that fit the limit of file descriptors. What
 * goes wrong with a sink is its outcome and stops no other; never rejects.
 */
export async function work(deps: SinkDeps, job: Job, beforeWrite: BeforeWrite): Promise<Done> {
  const { sinks, temps } = job;
  const prepare = 'force' in job ? forgetting(deps, job) : writing(deps, job);
  if (isLook(job.kind)) return { outcomes: inOrder(sinks, await look(deps, job, prepare)), records: {}, temps };
  const journal = [...temps];
  const settled = await settle(deps, job, prepare, async (staged) => {
    journal.push(...staged.map(({ temp }) => temp));
    await beforeWrite(staged);
  });
  const results = inOrder(sinks, settled);
  const left = await sweepOwn(journal, walkerOf(deps, job));
  return {
    outcomes: results.map(({ outcome }) => ({
      ...outcome,
      warnings: [...outcome.warnings, ...warnLeft(outcome, left)],
    })),
    records: Object.fromEntries(results.flatMap(({ outcome, record }) => (record ? [[sinkId(outcome), record]] : []))),
    temps: left,
  };
}

/** Of what a kill has left beside a sink, where it cannot go. */
function warnLeft(sink: SinkOutcome, temps: readonly TempFile[]): readonly string[] {
  const left = temps.filter(
    ({ path }) => dirname(path) === dirname(sink.path) && isTempOf(basename(path), basename(sink.path)),
  );
  return left.map(({ path }) => `${path} cannot be removed, and may hold credentials: remove it by hand`);
}

function inOrder<T>(sinks: readonly SinkConfig[], results: ReadonlyMap<SinkConfig, T>): T[] {
  return sinks.flatMap((sink) => results.get(sink) ?? []);
}

async function look(
  deps: SinkDeps,
  job: Job,
  prepare: Prepare,
): Promise<ReadonlyMap<SinkConfig, Done['outcomes'][number]>> {
  const holders: Holders = new Map();
  const previews = new Map<SinkConfig, Done['outcomes'][number]>();
  for (const batch of batches(filesOf(job.sinks))) {
    using places = new Places(deps, job, holders);
    for (const prepared of await prepareFiles(places, batch, prepare)) {
      const parts: readonly Part[] = 'settled' in prepared ? prepared.settled : prepared.change.parts;
      for (const { sink, outcome, shown } of parts) previews.set(sink, { ...outcome, ...shown });
    }
  }
  return previews;
}

async function settle(
  deps: SinkDeps,
  job: Job,
  prepare: Prepare,
  beforeWrite: BeforeWrite,
): Promise<ReadonlyMap<SinkConfig, Settled>> {
  const settled = new Map<SinkConfig, Settled>();
  const isInConflict = (sink: SinkConfig): boolean => settled.get(sink)?.outcome.error?.code === 'SINK_CONFLICT';
  let files = filesOf(job.sinks);
  for (let left = ATTEMPTS; files.length > 0; left--) {
    if (left < ATTEMPTS) await delay(PAUSE);
    const holders: Holders = new Map();
    for (const batch of batches(files)) {
      using places = new Places(deps, job, holders);
      const prepared = await prepareFiles(places, batch, prepare);
      for (const each of await replaceBatch(deps, places, prepared, beforeWrite)) settled.set(each.sink, each);
      places.sweep(batch, deps.clock.now());
    }
    files = left > 1 ? files.filter(({ sinks }) => sinks.some(isInConflict)) : [];
  }
  return settled;
}

async function replaceBatch(
  deps: SinkDeps,
  places: Places,
  files: readonly Prepared[],
  beforeWrite: BeforeWrite,
): Promise<readonly Settled[]> {
  const settled: Settled[] = [];
  const changes: Replacement[] = [];
  for (const prepared of files) {
    if ('settled' in prepared) settled.push(...prepared.settled);
    else {
      const { change } = prepared;
      try {
        changes.push(places.make(change));
      } catch (error) {
        settled.push(...settleAll(change.parts, toErrorInfo(explain(error, 'SINK_WRITE_FAILED', change.file.path))));
      }
    }
  }
  const results = await replaceTogether(deps, changes, beforeWrite);
  return [...settled, ...results.flatMap((result) => conclude(deps, places, result))];
}

function conclude(deps: SinkDeps, places: Places, { change, warnings, error }: Replaced): Settled[] {
  if (error) return settleAll(change.parts, error);
  try {
    places.confirm(change);
    return concludeAll(change.parts, change.bytes && verify(deps, change, change.bytes), warnings, now(deps));
  } catch (failure) {
    return settleAll(change.parts, toErrorInfo(explain(failure, 'SINK_UNVERIFIED', change.file.path)));
  }
}

/** What stands after the rename. Throws when it is not what was written. */
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
  const message = `${file.path}: expected ${expected}, got ${got}: ${whichStands(change, bytes, security)}`;
  throw new AgentError('SINK_UNVERIFIED', message, { hint });
}

/**
 * Removes journalled temp files that a kill has left behind; gives those that are still to be removed, as they were
 * given. Only what has the journalled inode goes: a file that somebody else has under that name stays. Never rejects.
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
    // The journal is about to forget them, so they must not come back with a power cut.
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
    // Where we have no rights any more, it is not ours to remove.
    return isErrno(error, 'EACCES') ? 'gone' : 'stuck';
  }
}
