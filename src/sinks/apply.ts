import type { Actors } from '../core/contracts.ts';
import { applyAs } from './acting/delegate.ts';
import { AT_ONCE, inLanes } from './acting/lanes.ts';
import { ACTING_LIMITS, type ActingLimits } from './acting/patience.ts';
import { assign, type Assignment, type Share } from './assign.ts';
import { now, type SinkDeps } from './compare.ts';
import type { ApplyRequest, ApplyResult } from './contract.ts';
import { Joint } from './joint.ts';
import { applyOwn } from './own.ts';
import { recordsFor } from './records.ts';
import type { BeforeWrite } from './replace.ts';
import { tempsOf, tempsOfNobody, withSweepers } from './shares.ts';

/**
 * Makes every sink equal to the credentials, with the configured mode and owner: by itself where the agent alone
 * controls the path, else by a process of the one user who does too. What goes wrong with a sink is its outcome and
 * stops no other; never rejects.
 */
export async function applySinks(
  deps: SinkDeps,
  request: ApplyRequest,
  limits: ActingLimits = ACTING_LIMITS,
): Promise<ApplyResult> {
  const assignment = await assign(deps, request, limits);
  const shares = await withSweepers(deps, request.temps, assignment.shares);
  const parties = [SELF, ...shares.map(({ user }) => user.uid)];
  using joint = new Joint(parties, limits.together, journal(request));
  const pass: Pass = { deps, request, limits, assignment, joint };
  // First, since their processes take a while to come up.
  const { actors } = deps;
  const users = actors ? inLanes(shares, AT_ONCE, (share) => applyShare(pass, actors, share)) : [];
  const results = [await applySelf(pass), ...(await users)];
  return merge(request, assignment, results, shares);
}

/** Stands beside the users, by their uids. */
const SELF = -1;

interface Pass {
  readonly deps: SinkDeps;
  readonly request: ApplyRequest;
  readonly limits: ActingLimits;
  readonly assignment: Assignment;
  readonly joint: Joint<number>;
}

/** Trouble with the journal is the caller's to report: the sinks are written all the same. */
function journal({ beforeWrite }: ApplyRequest): BeforeWrite {
  return async (staged) => {
    const temps = staged.map(({ temp }) => temp);
    const changing = staged.filter(({ bytesChanged }) => bytesChanged).map(({ sink }) => sink.path);
    await beforeWrite(temps, changing).catch(() => undefined);
  };
}

async function applySelf({ deps, request, assignment, joint }: Pass): Promise<ApplyResult> {
  const { own, trustedGroups } = assignment;
  const temps = tempsOf(request.temps);
  const beforeWrite: BeforeWrite = (staged) => joint.stage(SELF, staged);
  try {
    return await applyOwn(deps, { ...request, trustedGroups, sinks: own, temps, beforeWrite });
  } finally {
    joint.leave(SELF);
  }
}

async function applyShare(
  { deps, request, limits, assignment, joint }: Pass,
  actors: Actors,
  { user, sinks }: Share,
): Promise<ApplyResult> {
  const { print, credentials, origin, rotated, records } = request;
  const { trustedGroups } = assignment;
  const temps = tempsOf(request.temps, user.uid);
  const place = { sinks, trustedGroups, temps, records: recordsFor(sinks, records) };
  const job = { kind: 'apply', ...place, print, credentials, origin, rotated } as const;
  const beforeWrite: BeforeWrite = (staged) => joint.stage(user.uid, staged);
  try {
    return await applyAs({ user, actors, limits, job }, { beforeWrite, now: () => now(deps) });
  } finally {
    joint.leave(user.uid);
  }
}

function merge(
  request: ApplyRequest,
  { denied }: Assignment,
  results: readonly ApplyResult[],
  shares: readonly Share[],
): ApplyResult {
  const outcomes = new Map([...results.flatMap((one) => one.outcomes), ...denied].map((one) => [one.path, one]));
  return {
    outcomes: request.sinks.flatMap(({ path }) => outcomes.get(path) ?? []),
    records: Object.assign({}, ...results.map(({ records }) => records)) as ApplyResult['records'],
    temps: [...tempsOfNobody(request.temps, shares), ...results.flatMap(({ temps }) => temps)],
  };
}
