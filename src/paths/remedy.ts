import { resolve } from 'node:path';
import type { ErrorInfo } from '../core/errors.ts';
import { shellWord } from '../core/shell-word.ts';
import type { Refusal } from './refusal.ts';

/** What to do about a part of a path (`at`) that somebody else can change; `isEnd`: it is what the path names. */
export type Remedy = (at: string, isEnd: boolean) => string;

/** Why a path is refused, with the remedy of the place where it was named instead of the general hint. */
export function withRemedy(path: string, error: ErrorInfo, refusal: Refusal | undefined, remedy: Remedy): ErrorInfo {
  if (refusal === undefined || !CHANGEABLE.has(refusal.why)) return error;
  return { ...error, hint: `look it through, then: ${remedy(refusal.at, refusal.at === resolve(path))}` };
}

const CHANGEABLE: ReadonlySet<Refusal['why']> = new Set(['shared', 'sticky', 'claimed', 'owner', 'mode']);

/** Takes back what one names; a directory on the way is its owner's, and what was named has to move to a better place. */
export function takeBackOr(elsewhere: string): Remedy {
  return (at, isEnd) => (isEnd ? takeBack(at) : elsewhere);
}

export function takeBack(path: string): string {
  return `sudo chown root:root ${shellWord(path)} && sudo chmod go-w ${shellWord(path)}`;
}
