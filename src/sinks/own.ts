import type { BigIntStats } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { AgentError, toErrorInfo, type ErrorInfo } from '../core/errors.ts';
import type { SinkConfig } from '../core/config.ts';
import { attributeDrift, now, type Change, type Settled } from './compare.ts';
import type { SinkDeps, Wish } from './place.ts';
import type { ApplyResult, TempFile } from './contract.ts';
import { batches } from './descriptors.ts';
import { explain, failed } from './failure.ts';
import { Places, walkerOf, type Holders } from './places.ts';
import { prepareSinks } from './prepare.ts';
import { modeOf, recordOf, type Since } from './records.ts';
import { replaceTogether, type BeforeWrite, type Replaced } from './replace.ts';
import { lookAt } from './standing.ts';
import { sweepOwn } from './sweep.ts';
import { sweepEmpty } from '../files/sweep.ts';
import { whoAmI } from './owner.ts';

/** What one identity is to do by itself: this process's own. */
export interface OwnRequest extends Wish {
  readonly sinks: readonly SinkConfig[];
  readonly temps: readonly TempFile[];
  readonly beforeWrite: BeforeWrite;
}

/** So often a sink is read and merged that another program changes between our read and our rename. */
const ATTEMPTS = 3;
/** Between them, so that the other program can end what it does; milliseconds. */
const PAUSE = 60;

/**
 * Sinks that differ are staged together and renamed together, in batches that fit the limit of file descriptors. What
 * goes wrong with a sink is its outcome and stops no other; never rejects.
 */
export async function applyOwn(deps: SinkDeps, request: OwnRequest): Promise<ApplyResult> {
  const journal = [...request.temps];
  const journalled: OwnRequest = {
    ...request,
    beforeWrite: async (staged) => {
      journal.push(...staged.map(({ temp }) => temp));
      await request.beforeWrite(staged);
    },
  };
  const settled = await settle(deps, journalled);
  const results = request.sinks.flatMap(({ path }) => settled.get(path) ?? []);
  return {
    outcomes: results.map(({ outcome }) => outcome),
    records: Object.fromEntries(results.flatMap(({ outcome, record }) => (record ? [[outcome.path, record]] : []))),
    temps: await sweepOwn(journal, walkerOf(deps, request)),
  };
}

async function settle(deps: SinkDeps, request: OwnRequest): Promise<ReadonlyMap<string, Settled>> {
  const settled = new Map<string, Settled>();
  let { sinks } = request;
  for (let left = ATTEMPTS; sinks.length > 0; left--) {
    if (left < ATTEMPTS) await delay(PAUSE);
    for (const each of await applyOnce(deps, request, sinks)) settled.set(each.outcome.path, each);
    const isInConflict = ({ path }: SinkConfig): boolean => settled.get(path)?.outcome.error?.code === 'SINK_CONFLICT';
    sinks = left > 1 ? sinks.filter(isInConflict) : [];
  }
  return settled;
}

async function applyOnce(deps: SinkDeps, request: OwnRequest, sinks: readonly SinkConfig[]): Promise<Settled[]> {
  const holders: Holders = new Map();
  const settled: Settled[] = [];
  for (const batch of batches(sinks)) {
    using places = new Places(deps, request, holders);
    settled.push(...(await applyBatch(deps, request, places, batch)));
  }
  return settled;
}

async function applyBatch(
  deps: SinkDeps,
  request: OwnRequest,
  places: Places,
  sinks: readonly SinkConfig[],
): Promise<readonly Settled[]> {
  const settled: Settled[] = [];
  const changes: Change[] = [];
  for (const prepared of await prepareSinks(deps, request, places, sinks)) {
    if ('settled' in prepared) settled.push(prepared.settled);
    else {
      const made = makeWay(places, prepared.change);
      if ('outcome' in made) changes.push(made);
      else settled.push(unchanged(prepared.change, made));
    }
  }
  const results = await replaceTogether(deps, changes, request.beforeWrite);
  const time = now(deps);
  for (const [directory, group] of Map.groupBy(changes, (change) => change.directory)) {
    const names = group.map(({ name }) => name);
    sweepEmpty(directory, names, { uid: whoAmI().uid, now: time.renamedAt });
  }
  return [...settled, ...results.map((result) => conclude(places, result, time))];
}

/** Makes the missing directories of a sink. */
function makeWay(places: Places, change: Change): Change | ErrorInfo {
  try {
    return places.make(change);
  } catch (error) {
    return toErrorInfo(explain(error, 'SINK_WRITE_FAILED', change.sink.path));
  }
}

function conclude(places: Places, { change, warnings, error }: Replaced<Change>, time: Since): Settled {
  // Renamed all the same: its readers see other bytes, and its consumers are to be told.
  const bytesChanged = change.outcome.bytesChanged;
  if (error) return unchanged(change, error, error.code === 'SINK_UNVERIFIED' && bytesChanged);
  try {
    places.confirm(change);
    const record = recordOf(change.made, verify(change), change.since ?? time);
    return { outcome: { ...change.outcome, warnings: [...change.outcome.warnings, ...warnings] }, record };
  } catch (failure) {
    const info = toErrorInfo(explain(failure, 'SINK_UNVERIFIED', change.sink.path));
    return unchanged(change, info, bytesChanged);
  }
}

function unchanged({ sink, outcome }: Change, error: ErrorInfo, bytesChanged = false): Settled {
  return { outcome: { ...failed(sink, error), bytesChanged, drift: outcome.drift, warnings: outcome.warnings } };
}

/** What stands after the rename. Throws when it is not what was written. */
function verify(change: Change): BigIntStats {
  const { sink, ids, bytes } = change;
  const stat = lookAt(change);
  if (stat?.size === BigInt(bytes.length) && stat.nlink === 1n && attributeDrift(stat, change).length === 0)
    return stat;
  const expected = `${bytes.length} bytes, mode ${sink.mode.toString(8)}, owner ${ids.uid}:${ids.gid}`;
  const got = stat
    ? `${stat.size} bytes, mode ${modeOf(stat).toString(8)}, owner ${stat.uid}:${stat.gid}, ${stat.nlink} names`
    : 'no file';
  const hint = 'another program changes the file, or its file system keeps no owners and modes';
  throw new AgentError('SINK_UNVERIFIED', `${sink.path}: expected ${expected}, got ${got}`, { hint });
}
