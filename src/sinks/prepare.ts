import { basename, dirname, join } from 'node:path';
import type { SinkConfig } from '../core/config.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import { shellWord } from '../core/shell-word.ts';
import { compare, type Place, type Prepared, type SinkDeps, type Wish } from './compare.ts';
import { makeWitness } from './evidence.ts';
import { explain, failed } from './failure.ts';
import { ownerResolver, whoAmI } from './owner.ts';
import { examineDirectory, type Examined, type SinkDirectory, type Trust } from './trust.ts';

/**
 * Looks at each sink and makes its new bytes; changes nothing. Synchronous but for the user database: on a trusted path
 * these calls stay in the page cache, and handing them to another thread costs more than they do.
 */
export async function prepareSinks(deps: SinkDeps, wish: Wish, sinks: readonly SinkConfig[]): Promise<Prepared[]> {
  const placeOf = placer(deps, trustOf(deps, wish));
  const witness = makeWitness();
  const prepared: Prepared[] = [];
  for (const sink of sinks) {
    try {
      prepared.push(compare(deps, wish, await placeOf(sink), witness));
    } catch (error) {
      const info = toErrorInfo(explain(error, 'SINK_UNREADABLE', sink.path));
      prepared.push({ settled: { outcome: failed(sink, info) } });
    }
  }
  return prepared;
}

export function trustOf(
  { security }: Pick<SinkDeps, 'security'>,
  { trustedGroups }: Pick<Wish, 'trustedGroups'>,
): Trust {
  return { uid: whoAmI().uid, groups: trustedGroups, security };
}

/** Finds places, looking at each directory and each name once. The places reject with AgentError. */
function placer(deps: SinkDeps, trust: Trust): (sink: SinkConfig) => Promise<Place> {
  const self = whoAmI();
  const ownerOf = ownerResolver(deps.users, self);
  const directories = new Map<string, Examined>();
  const holders = new Map<string, string>();
  return async (sink) => {
    const ids = await ownerOf(sink);
    const path = dirname(sink.path);
    const examined = directories.get(path) ?? examineDirectory(path, trust);
    directories.set(path, examined);
    const directory = own(sink.path, examined, ids.uid === self.uid);
    const target = join(directory.path, basename(sink.path));
    refuseShared(sink.path, holders.get(target));
    holders.set(target, sink.path);
    return { sink, target, directory, ids };
  };
}

/** `isOwn`: the sink is to belong to the agent's own user. */
export function own(path: string, examined: Examined, isOwn: boolean): SinkDirectory {
  if (examined.kind === 'refused') {
    throw new AgentError(examined.error.code, `${path}: ${examined.error.message}`, examined.error);
  }
  if (examined.kind !== 'self') {
    const other = examined.kind === 'user' ? `uid ${examined.uid}` : 'another machine';
    const message = `${path}: expected a path that only the agent's user controls, got one that ${other} does too`;
    const hint = 'choose a directory that belongs, with all its parents, to root';
    throw new AgentError('SINK_UNSAFE_PATH', message, { hint });
  }
  if (examined.missing.length > 0 && !isOwn) {
    const message = `${path}: expected its directory to be there, or to be made for the agent's own user`;
    throw new AgentError('SINK_UNSAFE_PATH', message, {
      hint: `make it: sudo install -d -m 755 ${shellWord(examined.path)}`,
    });
  }
  return examined;
}

/** Two sinks that are one file by way of a symlink would undo each other for ever. */
function refuseShared(path: string, holder: string | undefined): void {
  if (holder === undefined) return;
  const hint = 'configure each file once, by its real path';
  throw new AgentError('SINK_UNSAFE_PATH', `${path}: expected a file of its own, got that of ${holder}`, { hint });
}
