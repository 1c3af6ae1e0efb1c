import { applyAs, type Delegated } from './acting/delegate.ts';
import { AT_ONCE, inLanes } from './acting/lanes.ts';
import { ACTING_LIMITS, type ActingLimits } from './acting/patience.ts';
import { assign, type Assignment, type Share } from './assign.ts';
import { now, type SinkDeps } from './compare.ts';
import type { ApplyRequest, ApplyResult, TempFile } from './contract.ts';
import { Joint } from './joint.ts';
import { applyOwn } from './own.ts';
import type { BeforeWrite } from './replace.ts';

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
  const shares = [...assignment.shares, ...(await sweepersFor(deps, request.temps, assignment))];
  const parties = [SELF, ...shares.map(({ user }) => user.uid)];
  using joint = new Joint(parties, limits.together, journal(request));
  const pass: Pass = { deps, request, assignment, joint };
  // First, since their processes take a while to come up.
  const { actors } = deps;
  const users = actors ? inLanes(shares, AT_ONCE, (share) => applyShare(pass, { ...share, actors, limits })) : [];
  const results = [await applySelf(pass), ...(await users)];
  return merge(request, assignment, results, shares);
}

/** Stands beside the users, by their uids. */
const SELF = -1;

interface Pass {
  readonly deps: SinkDeps;
  readonly request: ApplyRequest;
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

/** Users who have no sink any more, but something to be removed. */
async function sweepersFor(
  { actors, users }: SinkDeps,
  temps: readonly TempFile[],
  { shares }: Assignment,
): Promise<readonly Share[]> {
  const uids = new Set(actors ? temps.flatMap(({ uid }) => uid ?? []) : []);
  for (const { user } of shares) uids.delete(user.uid);
  const found = await Promise.all([...uids].map((uid) => users.user(uid).catch(() => undefined)));
  return found.flatMap((user) => (user ? [{ user, sinks: [] }] : []));
}

async function applySelf({ deps, request, assignment, joint }: Pass): Promise<ApplyResult> {
  const { own, trustedGroups } = assignment;
  const temps = request.temps.filter(({ uid }) => uid === undefined);
  const beforeWrite: BeforeWrite = (staged) => joint.stage(SELF, staged);
  try {
    return await applyOwn(deps, { ...request, trustedGroups, sinks: own, temps, beforeWrite });
  } finally {
    joint.leave(SELF);
  }
}

async function applyShare(
  { deps, request, assignment, joint }: Pass,
  share: Omit<Delegated, 'job'>,
): Promise<ApplyResult> {
  const { uid } = share.user;
  const { credentials, origin, rotated, records } = request;
  const { trustedGroups } = assignment;
  const known = share.sinks.flatMap(({ path }) => (records[path] ? [[path, records[path]] as const] : []));
  const temps = request.temps.filter((temp) => temp.uid === uid);
  const job = { credentials, origin, rotated, trustedGroups, temps, records: Object.fromEntries(known) };
  const beforeWrite: BeforeWrite = (staged) => joint.stage(uid, staged);
  try {
    return await applyAs({ ...share, job }, { beforeWrite, now: () => now(deps) });
  } finally {
    joint.leave(uid);
  }
}

function merge(
  request: ApplyRequest,
  { denied }: Assignment,
  results: readonly ApplyResult[],
  shares: readonly Share[],
): ApplyResult {
  const outcomes = new Map([...results.flatMap((one) => one.outcomes), ...denied].map((one) => [one.path, one]));
  const asked = new Set<number | undefined>([undefined, ...shares.map(({ user }) => user.uid)]);
  return {
    outcomes: request.sinks.flatMap(({ path }) => outcomes.get(path) ?? []),
    records: Object.assign({}, ...results.map(({ records }) => records)) as ApplyResult['records'],
    temps: [...request.temps.filter(({ uid }) => !asked.has(uid)), ...results.flatMap(({ temps }) => temps)],
  };
}
