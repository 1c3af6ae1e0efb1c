import type { Actors, User } from '../../core/contracts.ts';
import { toErrorInfo } from '../../core/errors.ts';
import { parseVerdicts } from './answer.ts';
import type { Look } from './job.ts';
import type { Verdict } from './message.ts';
import type { ActingLimits } from './patience.ts';
import { Talk } from './talk.ts';

/** To see to whom directories belong needs no rights; where it does, root looks for itself. */
const NOBODY: User = { uid: 65534, gid: 65534, isUnlisted: true };

const BYTES_PER_DIRECTORY = 16 * 1024;

/**
 * Has a process without rights look where looking may take for ever: at directories by way of one mount point. One
 * verdict for each; never rejects.
 */
export async function scout(
  actors: Actors,
  mount: string,
  look: Look,
  { scouting }: ActingLimits,
): Promise<readonly Verdict[]> {
  const { directories } = look;
  const maxBytes = BYTES_PER_DIRECTORY * (1 + directories.length);
  try {
    using talk = new Talk(actors, { user: NOBODY, subject: mount, maxBytes, patience: scouting });
    talk.say(JSON.stringify(look));
    const { verdicts } = await talk.hear((line) => parseVerdicts(line, directories.length));
    return verdicts;
  } catch (error) {
    return directories.map(() => ({ kind: 'refused', error: toErrorInfo(error) }));
  }
}
