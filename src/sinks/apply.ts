import type { Actors } from '../core/contracts.ts';
import { applyAs } from './acting/delegate.ts';
import { AT_ONCE, inLanes } from './acting/lanes.ts';
import { ACTING_LIMITS, type ActingLimits } from './acting/patience.ts';
import { assign, type Assignment } from './assign.ts';
import { now } from './compare.ts';
import type { SinkDeps } from './place.ts';
import type { ApplyRequest, ApplyResult, TempFile } from './contract.ts';
import { Joint } from './joint.ts';
import { applyOwn } from './own.ts';
import { recordsFor } from './records.ts';
import type { BeforeWrite } from './replace.ts';
import { divide, type Task } from './shares.ts';

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
  const assignment = await assign(deps, request, { limits });
  const { tasks, own, left } = await divide(deps, request.temps, assignment.shares);
  using joint = new Joint<Party>([SELF, ...tasks], limits.together, journal(request));
  const pass: Pass = { deps, request, limits, assignment, joint };
  // First, since their processes take a while to come up.
  const { actors } = deps;
  const users = actors ? inLanes(tasks, AT_ONCE, (task) => applyTask(pass, actors, task)) : [];
  const results = [await applySelf(pass, own), ...(await users)];
  return merge(request, assignment, results, left);
}

/** Stands beside the tasks of others. */
const SELF = 'self';

type Party = typeof SELF | Task;

interface Pass {
  readonly deps: SinkDeps;
  readonly request: ApplyRequest;
  readonly limits: ActingLimits;
  readonly assignment: Assignment;
  readonly joint: Joint<Party>;
}

/** Trouble with the journal is the caller's to report: the sinks are written all the same. */
function journal({ beforeWrite }: ApplyRequest): BeforeWrite {
  return async (staged) => {
    const temps = staged.map(({ temp }) => temp);
    const changing = staged.filter(({ bytesChanged }) => bytesChanged).map(({ sink }) => sink.path);
    await beforeWrite(temps, changing).catch(() => undefined);
  };
}

async function applySelf({ deps, request, assignment, joint }: Pass, temps: readonly TempFile[]): Promise<ApplyResult> {
  const { own, trustedGroups } = assignment;
  const beforeWrite: BeforeWrite = (staged) => joint.stage(SELF, staged);
  try {
    return await applyOwn(deps, { ...request, trustedGroups, sinks: own, temps, beforeWrite });
  } finally {
    joint.leave(SELF);
  }
}

async function applyTask(
  { deps, request, limits, assignment, joint }: Pass,
  actors: Actors,
  task: Task,
): Promise<ApplyResult> {
  const { user, mount, sinks, temps } = task;
  const { print, credentials, origin, rotated, records } = request;
  const { trustedGroups } = assignment;
  const place = { sinks, trustedGroups, temps, records: recordsFor(sinks, records) };
  const job = { kind: 'apply', ...place, print, credentials, origin, rotated } as const;
  const beforeWrite: BeforeWrite = (staged) => joint.stage(task, staged);
  try {
    return await applyAs({ user, mount, actors, limits, job }, { beforeWrite, now: () => now(deps) });
  } finally {
    joint.leave(task);
  }
}

function merge(
  request: ApplyRequest,
  { denied }: Assignment,
  results: readonly ApplyResult[],
  left: readonly TempFile[],
): ApplyResult {
  const outcomes = new Map([...results.flatMap((one) => one.outcomes), ...denied].map((one) => [one.path, one]));
  return {
    outcomes: request.sinks.flatMap(({ path }) => outcomes.get(path) ?? []),
    records: Object.assign({}, ...results.map(({ records }) => records)) as ApplyResult['records'],
    temps: [...left, ...results.flatMap(({ temps }) => temps)],
  };
}
