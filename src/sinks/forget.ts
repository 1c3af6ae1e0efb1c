import { forgetAs, previewAs } from './acting/delegate.ts';
import { AT_ONCE, inLanes } from './acting/lanes.ts';
import { ACTING_LIMITS, type ActingLimits } from './acting/patience.ts';
import { assign, type Assignment } from './assign.ts';
import type { ForgetRequest, ForgetResult, SinkPreview } from './contract.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import { forgetOwn, previewForgetOwn } from './forget-own.ts';
import type { ForgetDeps } from './inspect.ts';
import type { BeforeWrite } from './replace.ts';
import { divide } from './shares.ts';

/**
 * Takes what is ours out of the sinks, under the promise under which it was written: atomically, with the mode and
 * owner that the file has, comparing before the rename, and on a user's path by a process of that user. A file in which
 * nothing is left goes. What goes wrong with a sink is its outcome and stops no other; never rejects.
 */
export async function forgetSinks(
  deps: ForgetDeps,
  request: ForgetRequest,
  limits: ActingLimits = ACTING_LIMITS,
): Promise<ForgetResult> {
  const { temps, keyId, force } = request;
  const assignment = await assign(deps, request, { limits, keepsOwners: true });
  const { own: sinks, trustedGroups } = assignment;
  const { tasks, own, left } = await divide(deps, temps, assignment.shares);
  const beforeWrite = journal(request);
  const { actors } = deps;
  const users = actors
    ? inLanes(tasks, AT_ONCE, ({ user, mount, ...place }) => {
        const job = { kind: 'forget', ...place, trustedGroups, keyId, force } as const;
        return forgetAs({ user, mount, actors, limits, job }, beforeWrite);
      })
    : [];
  const mine = { sinks, trustedGroups, temps: own, keyId, force };
  const results = [await forgetOwn(deps, mine, beforeWrite), ...(await users)];
  return {
    outcomes: merge(
      request,
      assignment,
      results.flatMap(({ outcomes }) => outcomes),
    ),
    temps: [...left, ...results.flatMap((result) => result.temps)],
  };
}

/** What it would do: changes nothing. Never rejects. */
export async function previewForget(
  deps: ForgetDeps,
  request: Omit<ForgetRequest, 'beforeWrite' | 'temps'>,
  limits: ActingLimits = ACTING_LIMITS,
): Promise<readonly SinkPreview[]> {
  const { keyId, force } = request;
  const assignment = await assign(deps, request, { limits, keepsOwners: true });
  const { own, shares, trustedGroups } = assignment;
  const wish = { trustedGroups, temps: [], keyId, force };
  const { actors } = deps;
  const users = actors
    ? await inLanes(shares, AT_ONCE, ({ user, mount, sinks }) =>
        previewAs({ user, mount, actors, limits, job: { kind: 'preview-forget', ...wish, sinks } }),
      )
    : [];
  return merge(request, assignment, [...previewForgetOwn(deps, { ...wish, sinks: own }), ...users.flat()]);
}

/** Trouble with the journal is the caller's to report: a secret that stays would be worse than a temp file. */
function journal({ beforeWrite }: ForgetRequest): BeforeWrite {
  return async (staged) => {
    const temps = staged.map(({ temp }) => temp);
    const changing = staged.map(({ sink }) => sink.path);
    await beforeWrite(temps, changing).catch(() => undefined);
  };
}

function merge<T extends SinkOutcome>(
  { sinks }: Pick<ForgetRequest, 'sinks'>,
  { denied }: Assignment,
  outcomes: readonly T[],
): readonly (T | SinkOutcome)[] {
  const byPath = new Map([...outcomes, ...denied].map((outcome) => [outcome.path, outcome]));
  return sinks.flatMap(({ path }) => byPath.get(path) ?? []);
}
