import { basename, dirname, join } from 'node:path';
import type { SinkConfig } from '../core/config.ts';
import { AgentError, toErrorInfo } from '../core/errors.ts';
import { compare, type Place, type Prepared, type SinkDeps, type Wish } from './compare.ts';
import { explain, failed } from './failure.ts';
import { ownerResolver, whoAmI } from './owner.ts';
import { examineDirectory, type SinkDirectory } from './trust.ts';

/**
 * Looks at each sink and makes its new bytes; changes nothing. Synchronous but for the user database: on a trusted path
 * these calls stay in the page cache, and handing them to another thread costs more than they do.
 */
export async function prepareSinks(deps: SinkDeps, wish: Wish, sinks: readonly SinkConfig[]): Promise<Prepared[]> {
  const placeOf = placer(deps);
  const prepared: Prepared[] = [];
  for (const sink of sinks) {
    try {
      prepared.push(compare(deps, wish, await placeOf(sink)));
    } catch (error) {
      const info = toErrorInfo(explain(error, 'SINK_UNREADABLE', sink.path));
      prepared.push({ settled: { outcome: failed(sink, info) } });
    }
  }
  return prepared;
}

/** Finds places, looking at each directory and each name once. The places reject with AgentError. */
function placer(deps: SinkDeps): (sink: SinkConfig) => Promise<Place> {
  const self = whoAmI();
  const ownerOf = ownerResolver(deps.users, self);
  const directories = new Map<string, SinkDirectory>();
  const holders = new Map<string, string>();
  return async (sink) => {
    const ids = await ownerOf(sink);
    const path = dirname(sink.path);
    const directory = directories.get(path) ?? examineDirectory(path, self.uid);
    directories.set(path, directory);
    refuseForeign(sink.path, directory, ids.uid === self.uid);
    const target = join(directory.path, basename(sink.path));
    refuseShared(sink.path, holders.get(target));
    holders.set(target, sink.path);
    return { sink, target, directory, ids };
  };
}

/** `isOwn`: the sink is to belong to the agent's own user. */
function refuseForeign(path: string, { identity, missing, ...directory }: SinkDirectory, isOwn: boolean): void {
  if (identity.kind === 'refused') {
    throw new AgentError(identity.error.code, `${path}: ${identity.error.message}`, identity.error);
  }
  if (identity.kind === 'user') {
    const message = `${path}: expected a path that only the agent's user controls, got one that uid ${identity.uid} does too`;
    const hint = 'choose a directory that belongs, with all its parents, to root';
    throw new AgentError('SINK_UNSAFE_PATH', message, { hint });
  }
  if (missing.length > 0 && !isOwn) {
    const message = `${path}: expected its directory to be there, or to be made for the agent's own user`;
    throw new AgentError('SINK_UNSAFE_PATH', message, { hint: `make it: sudo install -d -m 755 ${directory.path}` });
  }
}

/** Two sinks that are one file by way of a symlink would undo each other for ever. */
function refuseShared(path: string, holder: string | undefined): void {
  if (holder === undefined) return;
  const hint = 'configure each file once, by its real path';
  throw new AgentError('SINK_UNSAFE_PATH', `${path}: expected a file of its own, got that of ${holder}`, { hint });
}
