import { forgetAs, previewAs } from './acting/delegate.ts';
import { AT_ONCE, inLanes } from './acting/lanes.ts';
import { ACTING_LIMITS, type ActingLimits } from './acting/patience.ts';
import { assign, type Assignment } from './assign.ts';
import type { ForgetRequest, ForgetResult, SinkPreview } from './contract.ts';
import type { SinkOutcome } from '../core/outcomes.ts';
import { forgetOwn, previewForgetOwn } from './forget-own.ts';
import type { ForgetDeps } from './inspect.ts';
import type { BeforeWrite } from './replace.ts';
import { tempsOf, tempsOfNobody, withSweepers } from './shares.ts';

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
  const assignment = await assignAny(deps, request, limits);
  const { own, trustedGroups } = assignment;
  const shares = await withSweepers(deps, temps, assignment.shares);
  const beforeWrite = journal(request);
  const { actors } = deps;
  const users = actors
    ? inLanes(shares, AT_ONCE, ({ user, sinks }) => {
        const place = { sinks, trustedGroups, temps: tempsOf(temps, user.uid) };
        return forgetAs({ user, actors, limits, job: { kind: 'forget', ...place, keyId, force } }, beforeWrite);
      })
    : [];
  const mine = { sinks: own, trustedGroups, temps: tempsOf(temps), keyId, force };
  const results = [await forgetOwn(deps, mine, beforeWrite), ...(await users)];
  return {
    outcomes: merge(
      request,
      assignment,
      results.flatMap(({ outcomes }) => outcomes),
    ),
    temps: [...tempsOfNobody(temps, shares), ...results.flatMap((result) => result.temps)],
  };
}

/** What it would do: changes nothing. Never rejects. */
export async function previewForget(
  deps: ForgetDeps,
  request: Omit<ForgetRequest, 'beforeWrite' | 'temps'>,
  limits: ActingLimits = ACTING_LIMITS,
): Promise<readonly SinkPreview[]> {
  const { keyId, force } = request;
  const assignment = await assignAny(deps, request, limits);
  const { own, shares, trustedGroups } = assignment;
  const wish = { trustedGroups, temps: [], keyId, force };
  const { actors } = deps;
  const users = actors
    ? await inLanes(shares, AT_ONCE, ({ user, sinks }) =>
        previewAs({ user, actors, limits, job: { kind: 'preview-forget', ...wish, sinks } }),
      )
    : [];
  return merge(request, assignment, [...previewForgetOwn(deps, { ...wish, sinks: own }), ...users.flat()]);
}

/** Each file keeps the owner that it has, so that a wrong one in the configuration keeps no secret in place. */
async function assignAny(
  deps: ForgetDeps,
  { sinks, trustedGroups }: Pick<ForgetRequest, 'sinks' | 'trustedGroups'>,
  limits: ActingLimits,
): Promise<Assignment> {
  const anybodys = sinks.map(({ owner: _owner, group: _group, ...rest }) => rest);
  return await assign(deps, { sinks: anybodys, trustedGroups }, limits);
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
