import { idOf, sinkId } from '../core/sink-id.ts';
import { AT_ONCE, inLanes } from './acting/lanes.ts';
import { ACTING_LIMITS, type ActingLimits } from './acting/patience.ts';
import { assign } from './assign.ts';
import { now } from './compare.ts';
import type { ApplyRequest } from './contract.ts';
import type { Done, ForgetWish, Job, WriteWish } from './job.ts';
import { Joint } from './joint.ts';
import type { Prepare } from './parts.ts';
import type { SinkDeps } from './place.ts';
import { recordsFor } from './records.ts';
import type { BeforeWrite } from './replace.ts';
import { divide, type Task } from './shares.ts';
import { work } from './work.ts';

/** Where, and what is to be known before the first byte. A look needs no journal. */
export type Request = Pick<ApplyRequest, 'sinks' | 'trustedGroups'> &
  Partial<Pick<ApplyRequest, 'temps' | 'beforeWrite'>>;

export interface Running {
  readonly wish: WriteWish | ForgetWish;
  /** For the sinks of this process's own. */
  readonly prepare: Prepare;
  readonly limits: ActingLimits | undefined;
  /** Each file keeps the owner that it has: the configured one says only who is meant. */
  readonly keepsOwners?: boolean;
}

/**
 * Has sinks worked on by whose they are: by this process where the agent alone controls the path, else by a process of
 * the one user who does too. What goes wrong with a sink is its outcome and stops no other; never rejects.
 */
export async function run(
  deps: SinkDeps,
  request: Request,
  { wish, prepare, limits = ACTING_LIMITS, keepsOwners = false }: Running,
): Promise<Done> {
  const { own, shares, denied, trustedGroups } = await assign(deps, request, { limits, keepsOwners });
  const { tasks, own: temps, left } = await divide(deps, request.temps ?? [], shares);
  const mine: Own = { sinks: own, temps };
  using joint = new Joint<Own>([mine, ...tasks], limits.together, journal(request));
  const jobOf = ({ sinks, temps }: Own): Job => {
    const records = 'records' in wish && { records: recordsFor(sinks, wish.records) };
    return { ...wish, ...records, sinks, temps, trustedGroups };
  };
  const { actors } = deps;
  // First, since their processes take a while to come up.
  const users = actors
    ? inLanes(tasks, AT_ONCE, (task) =>
        joint.join(task, async (beforeWrite) => {
          const { delegate } = await import('./acting/delegate.ts');
          return await delegate({ ...task, actors, limits, job: jobOf(task) }, { beforeWrite, now: () => now(deps) });
        }),
      )
    : [];
  const results = [
    await joint.join(mine, (beforeWrite) => work(deps, { job: jobOf(mine), prepare, beforeWrite })),
    ...(await users),
  ];
  const outcomes = new Map([...results.flatMap((one) => one.outcomes), ...denied].map((one) => [sinkId(one), one]));
  return {
    outcomes: request.sinks.flatMap((sink) => outcomes.get(idOf(sink)) ?? []),
    records: Object.assign({}, ...results.map(({ records }) => records)) as Done['records'],
    temps: [...left, ...results.flatMap((one) => one.temps)],
  };
}

type Own = Pick<Task, 'sinks' | 'temps'>;

/** Trouble with the journal is the caller's to report: the sinks are worked on all the same. */
function journal({ beforeWrite }: Request): BeforeWrite {
  return async (staged) => {
    const temps = staged.map(({ temp }) => temp);
    await beforeWrite?.(
      temps,
      staged.flatMap(({ changing }) => changing.map(idOf)),
    ).catch(() => undefined);
  };
}
