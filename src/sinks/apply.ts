import type { BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { AgentError, toErrorInfo, type ErrorInfo } from '../core/errors.ts';
import type { SinkConfig } from '../core/config.ts';
import { attributeDrift, now, type Change, type Settled, type SinkDeps } from './compare.ts';
import type { ApplyRequest, ApplyResult } from './contract.ts';
import { stagingCapacity } from './descriptors.ts';
import { makeDirectories } from './directories.ts';
import { explain, failed } from './failure.ts';
import { prepareSinks } from './prepare.ts';
import { whoAmI } from './owner.ts';
import { modeOf, recordOf, type Since } from './records.ts';
import { replaceTogether, type Replaced } from './replace.ts';
import { lookAt } from './standing.ts';
import { examineDirectory } from './trust.ts';

/** So often a sink is read and merged that another program changes between our read and our rename. */
const ATTEMPTS = 3;

/**
 * Makes every sink equal to the credentials, with the configured mode and owner. Sinks that differ are staged together
 * and renamed together, in batches that fit the limit of file descriptors. What goes wrong with a sink is its outcome
 * and stops no other; never rejects.
 */
export async function applySinks(deps: SinkDeps, request: ApplyRequest): Promise<ApplyResult> {
  const settled = new Map<string, Settled>();
  let sinks = request.sinks;
  for (let left = ATTEMPTS; sinks.length > 0; left--) {
    for (const each of await applyOnce(deps, request, sinks)) settled.set(each.outcome.path, each);
    const isInConflict = ({ path }: SinkConfig): boolean => settled.get(path)?.outcome.error?.code === 'SINK_CONFLICT';
    sinks = left > 1 ? sinks.filter(isInConflict) : [];
  }
  const results = request.sinks.flatMap(({ path }) => settled.get(path) ?? []);
  return {
    outcomes: results.map(({ outcome }) => outcome),
    records: Object.fromEntries(results.flatMap(({ outcome, record }) => (record ? [[outcome.path, record]] : []))),
  };
}

async function applyOnce(deps: SinkDeps, request: ApplyRequest, sinks: readonly SinkConfig[]): Promise<Settled[]> {
  const settled: Settled[] = [];
  const changes: Change[] = [];
  for (const prepared of await prepareSinks(deps, request, sinks)) {
    if ('settled' in prepared) settled.push(prepared.settled);
    else {
      const error = makeWay(prepared.change);
      if (error) settled.push(unchanged(prepared.change, error));
      else changes.push(prepared.change);
    }
  }
  const size = stagingCapacity();
  for (let start = 0; start < changes.length; start += size) {
    const results = await replaceTogether(deps, changes.slice(start, start + size), request.beforeWrite);
    const time = now(deps);
    settled.push(...results.map((result) => conclude(result, time)));
  }
  return settled;
}

/** Makes the missing directories of a sink, and looks at the way once more. */
function makeWay({ sink, directory, ids }: Change): ErrorInfo | undefined {
  if (directory.missing.length === 0) return undefined;
  try {
    makeDirectories(directory.missing, ids);
    const { path, missing, identity } = examineDirectory(dirname(sink.path), whoAmI().uid);
    if (identity.kind === 'self' && missing.length === 0 && path === directory.path) return undefined;
    const message = `${sink.path}: expected the directory that was just made, got another one`;
    return new AgentError('SINK_UNSAFE_PATH', message, {
      hint: `find out who makes directories in its place`,
    }).toInfo();
  } catch (error) {
    return toErrorInfo(explain(error, 'SINK_WRITE_FAILED', sink.path));
  }
}

function conclude({ change, warnings, error }: Replaced, time: Since): Settled {
  if (error) return unchanged(change, error);
  try {
    const record = recordOf(change.key, verify(change), change.since ?? time);
    return { outcome: { ...change.outcome, warnings: [...change.outcome.warnings, ...warnings] }, record };
  } catch (failure) {
    const info = toErrorInfo(explain(failure, 'SINK_UNVERIFIED', change.sink.path));
    // Renamed all the same: its readers see other bytes, and its consumers are to be told.
    return { outcome: { ...unchanged(change, info).outcome, bytesChanged: change.outcome.bytesChanged } };
  }
}

function unchanged({ sink, outcome }: Change, error: ErrorInfo): Settled {
  return { outcome: { ...failed(sink, error), drift: outcome.drift, warnings: outcome.warnings } };
}

/** What stands after the rename. Throws when it is not what was written. */
function verify(change: Change): BigIntStats {
  const { sink, target, ids, bytes } = change;
  const stat = lookAt(target);
  if (stat?.size === BigInt(bytes.length) && stat.nlink === 1n && attributeDrift(stat, change).length === 0)
    return stat;
  const expected = `${bytes.length} bytes, mode ${sink.mode.toString(8)}, owner ${ids.uid}:${ids.gid}`;
  const got = stat
    ? `${stat.size} bytes, mode ${modeOf(stat).toString(8)}, owner ${stat.uid}:${stat.gid}, ${stat.nlink} names`
    : 'no file';
  const hint = 'another program changes the file, or its file system keeps no owners and modes';
  throw new AgentError('SINK_UNVERIFIED', `${sink.path}: expected ${expected}, got ${got}`, { hint });
}
