import { dirname } from 'node:path';
import type { Actors, User } from '../core/contracts.ts';
import { toErrorInfo } from '../core/errors.ts';
import { openDirectory } from '../paths/policies.ts';
import type { Look } from './acting/message.ts';
import { type ActingLimits, AT_ONCE, inLanes } from './acting/limits.ts';
import type { Scope, SinkDeps } from './contract.ts';
import { type Verdict, verdictOf, walkerOf } from './place/places.ts';

/** What is known of each directory of a sink. */
export type Survey = ReadonlyMap<string, Verdict>;

export interface Ground extends Pick<Scope, 'sinks' | 'trustedGroups'> {
  readonly limits: ActingLimits;
}

/**
 * Looks at each directory of the sinks; by way of a file system that may let us wait, by a process of our own that may
 * hang there. Never rejects.
 */
export async function survey(
  deps: SinkDeps & { readonly actors: Actors },
  { sinks, trustedGroups, limits }: Ground,
): Promise<Survey> {
  const walker = walkerOf(deps, { trustedGroups });
  const seen = new Map<string, Verdict>();
  const remote = new Map<string, string[]>();
  for (const directory of new Set(sinks.map(({ path }) => dirname(path)))) {
    using found = openDirectory('sink', directory, walker);
    const verdict = verdictOf(found);
    if (verdict) seen.set(directory, verdict);
    else if ('at' in found) remote.set(found.at, [...(remote.get(found.at) ?? []), directory]);
  }
  await inLanes([...remote], AT_ONCE, async ([mount, directories]) => {
    const verdicts = await lookBehind(deps.actors, mount, { kind: 'look', directories, trustedGroups }, limits);
    for (const [index, verdict] of verdicts.entries()) {
      seen.set(directories[index] ?? '', verdict.kind === 'self' ? { kind: 'self', mount } : verdict);
    }
  });
  return seen;
}

export const ROOT: User = { uid: 0, gid: 0 };
const BYTES_PER_DIRECTORY = 16 * 1024;

/** One verdict for each directory by way of one mount point; never rejects. */
async function lookBehind(
  actors: Actors,
  mount: string,
  look: Look,
  { looking }: ActingLimits,
): Promise<readonly Verdict[]> {
  const { directories } = look;
  const maxBytes = BYTES_PER_DIRECTORY * (1 + directories.length);
  try {
    const [{ Talk }, { parseVerdicts }] = await Promise.all([import('./acting/talk.ts'), import('./acting/answer.ts')]);
    using talk = new Talk(actors, { user: ROOT, subject: mount, maxBytes, patience: looking });
    talk.say(JSON.stringify(look));
    const { verdicts } = await talk.hear((line) => parseVerdicts(line, directories.length));
    return verdicts;
  } catch (error) {
    return directories.map(() => ({ kind: 'refused', error: toErrorInfo(error) }));
  }
}
