import { dirname } from 'node:path';
import type { SinkConfig } from '../core/config.ts';
import type { Actors } from '../core/contracts.ts';
import { AT_ONCE, inLanes } from './acting/lanes.ts';
import type { Verdict } from './acting/message.ts';
import type { ActingLimits } from './acting/patience.ts';
import { scout } from './acting/scout.ts';
import type { SinkDeps } from './compare.ts';
import { readRemoteMounts } from './mounts.ts';
import { trustOf } from './prepare.ts';
import { examineDirectory } from './trust.ts';

/** What is known of each directory of a sink. */
export type Survey = ReadonlyMap<string, Verdict>;

export interface Ground {
  readonly sinks: readonly SinkConfig[];
  /** Group ids. */
  readonly trustedGroups: readonly number[];
  readonly limits: ActingLimits;
}

/**
 * Looks at each directory of the sinks; by way of a file system that may let us wait, through the eyes of a process that
 * may hang there. Never rejects.
 */
export async function survey(
  deps: SinkDeps & { readonly actors: Actors },
  { sinks, trustedGroups, limits }: Ground,
): Promise<Survey> {
  const trust = { ...trustOf(deps, { trustedGroups }), remote: readRemoteMounts() };
  const seen = new Map<string, Verdict>();
  const remote = new Map<string, string[]>();
  for (const directory of new Set(sinks.map(({ path }) => dirname(path)))) {
    const examined = examineDirectory(directory, trust);
    if (examined.kind === 'remote') remote.set(examined.mount, [...(remote.get(examined.mount) ?? []), directory]);
    else seen.set(directory, examined);
  }
  await inLanes([...remote], AT_ONCE, async ([mount, directories]) => {
    const verdicts = await scout(deps.actors, mount, { kind: 'look', directories, trustedGroups }, limits);
    for (const [index, verdict] of verdicts.entries()) seen.set(directories[index] ?? '', verdict);
  });
  return seen;
}
