import { dirname } from 'node:path';
import { printOf } from '../core/credentials.ts';
import { idOf, sinkId } from '../core/sink-id.ts';
import { ACTING_LIMITS, type ActingLimits, AT_ONCE, inLanes } from './acting/limits.ts';
import { assign, type Share } from './assign.ts';
import { now } from './place/compare.ts';
import type {
  ApplyRequest,
  ApplyResult,
  BeforeWrite,
  Done,
  ForgetRequest,
  ForgetResult,
  ForgetWish,
  Job,
  PreviewRequest,
  SinkDeps,
  SinkPreview,
  TempFile,
  WriteWish,
} from './contract.ts';
import { Joint } from './write/joint.ts';
import { recordsFor } from './place/records.ts';
import { work } from './write/work.ts';

/** Makes every sink equal to the credentials, with the configured mode and owner. Never rejects. */
export async function applySinks(deps: SinkDeps, request: ApplyRequest, limits?: ActingLimits): Promise<ApplyResult> {
  const { print, credentials, origin, rotated, records } = request;
  return await run(deps, request, { kind: 'apply', print, credentials, origin, rotated, records }, limits);
}

/**
 * What applying would do, found by the same reading and rendering, and with the same identities, without writing
 * anything. Never rejects.
 */
export async function previewSinks(
  deps: SinkDeps,
  { records = {}, ...request }: PreviewRequest,
  limits?: ActingLimits,
): Promise<readonly SinkPreview[]> {
  const { credentials, origin, rotated } = request;
  const wish = { kind: 'preview', print: printOf(credentials), credentials, origin, rotated, records } as const;
  return (await run(deps, request, wish, limits)).outcomes;
}

/**
 * Takes what is ours out of the sinks, under the promise under which it was written: atomically, with the mode and
 * owner that the file has, comparing before the rename, and on a user's path by a process of that user. A file in which
 * nothing is left goes. Never rejects.
 */
export async function forgetSinks(
  deps: SinkDeps,
  request: ForgetRequest,
  limits?: ActingLimits,
): Promise<ForgetResult> {
  const { keyId, force } = request;
  return await run(deps, request, { kind: 'forget', keyId, force }, limits);
}

/** What it would do: changes nothing. Never rejects. */
export async function previewForget(
  deps: SinkDeps,
  { keyId, force, ...request }: Omit<ForgetRequest, 'beforeWrite' | 'temps'>,
  limits?: ActingLimits,
): Promise<readonly SinkPreview[]> {
  return (await run(deps, request, { kind: 'preview-forget', keyId, force }, limits)).outcomes;
}

/** Where, and what is to be known before the first byte. A look needs no journal. */
type Request = Pick<ApplyRequest, 'sinks' | 'trustedGroups'> & Partial<Pick<ApplyRequest, 'temps' | 'beforeWrite'>>;

/**
 * Has sinks worked on by whose they are: by this process where the agent alone controls the path, else by a process of
 * the one user who does too. What goes wrong with a sink is its outcome and stops no other; never rejects.
 */
async function run(
  deps: SinkDeps,
  request: Request,
  wish: WriteWish | ForgetWish,
  limits = ACTING_LIMITS,
): Promise<Done> {
  const { own, shares, denied, trustedGroups } = await assign(deps, request, limits, 'force' in wish);
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
  const results = [await joint.join(mine, (beforeWrite) => work(deps, jobOf(mine), beforeWrite)), ...(await users)];
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

/** A share, and what its process is to remove. */
interface Task extends Share {
  readonly temps: readonly TempFile[];
}

interface Tasks {
  readonly tasks: readonly Task[];
  /** What the agent itself is to remove. */
  readonly own: readonly TempFile[];
  /** What nobody is there to remove. */
  readonly left: readonly TempFile[];
}

/** Temp files are removed by a process of whom they were made, who may have no sink any more. */
async function divide(
  { actors, users }: Pick<SinkDeps, 'actors' | 'users'>,
  temps: readonly TempFile[],
  shares: readonly Share[],
): Promise<Tasks> {
  const tasks: Task[] = shares.map((share) => ({ ...share, temps: temps.filter((temp) => isIn(share, temp)) }));
  const own = temps.filter(({ uid }) => uid === undefined);
  const taken = new Set([...own, ...tasks.flatMap((task) => task.temps)]);
  const left: TempFile[] = [];
  for (const [uid, group] of Map.groupBy(temps, (temp) => temp.uid)) {
    const rest = group.filter((temp) => !taken.has(temp));
    if (uid === undefined || rest.length === 0) continue;
    const user = actors && (await users.user(uid).catch(() => undefined));
    if (user) tasks.push({ user, sinks: [], temps: rest });
    else left.push(...rest);
  }
  return { tasks, own, left };
}

/** Root has a process for each file system that may hang, and none touches what is another's. */
function isIn({ user, sinks, mount }: Share, { uid, path }: TempFile): boolean {
  if (uid !== user.uid) return false;
  return mount === undefined || sinks.some((sink) => dirname(sink.path) === dirname(path));
}
