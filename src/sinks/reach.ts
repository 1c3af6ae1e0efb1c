import { shellWord } from '../core/shell-word.ts';
import { hasToItself } from '../paths/private-group.ts';
import type { Passed } from '../paths/walked.ts';
import type { Place } from './place.ts';

const SEARCH = { owner: 0o100, group: 0o010, others: 0o001 };

/** Whether a user is in a group, by their numbers. */
export type IsMember = (uid: number, gid: number) => Promise<boolean>;

/** A warning where the configured owner or group is shut out by a directory on the way to its file; never rejects. */
export async function warnUnreachable(
  { file, ids }: Pick<Place, 'file' | 'ids'>,
  directories: readonly Passed[],
  isMember: IsMember,
): Promise<readonly string[]> {
  // Of one with an ACL nobody is known to be shut out.
  const closed = directories.filter(({ mode, hasAcl }) => (mode & SEARCH.others) === 0 && !hasAcl);
  const isForGroup = file.group !== undefined && ids.gid !== 0 && (file.mode & 0o070) !== 0;
  for (const directory of closed) {
    if (file.owner !== undefined && ids.uid !== 0 && !(await admits(directory, ids.uid, isMember)))
      return [warn(directory, `the owner ${file.owner}`)];
    if (isForGroup && !admitsGroup(directory, ids.gid) && !hasToItself(ids.uid, ids.gid))
      return [warn(directory, `the group ${file.group}`)];
  }
  return [];
}

async function admits({ uid, gid, mode }: Passed, who: number, isMember: IsMember): Promise<boolean> {
  if (uid === who) return (mode & SEARCH.owner) !== 0;
  return (mode & SEARCH.group) !== 0 && (await isMember(who, gid).catch(() => true));
}

function admitsGroup({ gid, mode }: Passed, group: number): boolean {
  return gid === group && (mode & SEARCH.group) !== 0;
}

function warn({ path, uid, gid, mode }: Passed, who: string): string {
  const got = `mode ${mode.toString(8).padStart(4, '0')}, owner ${uid}:${gid}`;
  return `${path} (${got}) shuts ${who} out, who cannot reach the file: sudo chmod o+x ${shellWord(path)}`;
}
