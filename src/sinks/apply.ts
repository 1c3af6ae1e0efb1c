import { dirname } from 'node:path';
import { versionOf } from '../core/credentials.ts';
import { idOf, sinkId } from '../core/sink-id.ts';
import { ACTING_LIMITS, type ActingLimits, AT_ONCE, inLanes } from './acting/message.ts';
import { assign, type Share } from './assign.ts';
import { now } from './place/compare.ts';
import type {
  ApplyRequest,
  ApplyResult,
  BeforeWrite,
  JobResult,
  ForgetRequest,
  ForgetResult,
  ForgetOptions,
  Job,
  PreviewRequest,
  SinkDeps,
  SinkPreview,
  TempFile,
  WriteOptions,
} from './contract.ts';
import { Joint } from './write/joint.ts';
import { failed } from './place/failure.ts';
import { recordsFor } from './place/records.ts';
import { work } from './write/work.ts';

/** Brings every sink up to date: bytes, mode and owner. Never rejects. */
export async function applySinks(deps: SinkDeps, request: ApplyRequest, limits?: ActingLimits): Promise<ApplyResult> {
  const { sinks, neighbours = [], version, credentials, origin, rotated, records } = request;
  const options = { version, credentials, origin, rotated, records, neighbours: neighbours.map(idOf) };
  const all = { ...request, sinks: [...sinks, ...neighbours] };
  const { outcomes, ...result } = await run(deps, all, { kind: 'apply', ...options }, limits);
  return { ...result, outcomes: outcomes.filter((one) => !options.neighbours.includes(sinkId(one))) };
}

/**
 * The outcomes that applying would have, found by the same reading and rendering, and with the same identities. Writes
 * nothing; never rejects.
 */
export async function previewSinks(
  deps: SinkDeps,
  { records = {}, credentials: given, ...request }: PreviewRequest,
  limits?: ActingLimits,
): Promise<readonly SinkPreview[]> {
  const { origin, rotated } = request;
  const known =
    'fingerprint' in given
      ? { version: given, credentials: undefined }
      : { version: versionOf(given), credentials: given };
  return (await run(deps, request, { kind: 'preview', ...known, origin, rotated, records }, limits)).outcomes;
}

/**
 * Removes the credentials from the sinks, as safely as they were written: atomically, with the file's own mode and
 * owner, compared before the rename, and on a user's path by a process of that user. An empty file is deleted. Never
 * rejects.
 */
export async function forgetSinks(
  deps: SinkDeps,
  request: ForgetRequest,
  limits?: ActingLimits,
): Promise<ForgetResult> {
  const { keyId, force, records } = request;
  return await run(deps, request, { kind: 'forget', keyId, force, ...(records && { records }) }, limits);
}

/** The outcomes that forgetting would have. Changes nothing; never rejects. */
export async function previewForget(
  deps: SinkDeps,
  { keyId, force, records, ...request }: Omit<ForgetRequest, 'beforeWrite' | 'temps'>,
  limits?: ActingLimits,
): Promise<readonly SinkPreview[]> {
  return (await run(deps, request, { kind: 'preview-forget', keyId, force, ...(records && { records }) }, limits))
    .outcomes;
}

/** A preview needs no journal. */
type Request = Pick<ApplyRequest, 'sinks' | 'trustedGroups' | 'privateVolumes'> &
  Partial<Pick<ApplyRequest, 'temps' | 'beforeWrite'>>;

/**
 * Divides a job among identities: this process works where the agent alone controls the path, a process of a user where
 * that user does too. An error with a sink is its outcome and stops no other; never rejects.
 */
async function run(
  deps: SinkDeps,
  request: Request,
  options: WriteOptions | ForgetOptions,
  limits = ACTING_LIMITS,
): Promise<JobResult> {
  const user = 'origin' in options ? options.origin.user : undefined;
  const { own, shares, denied, trust } = await assign(deps, { ...request, user }, limits, 'force' in options);
  const { tasks, own: temps, left } = await divide(deps, request.temps ?? [], shares);
  const mine: Own = { sinks: own, temps };
  using joint = new Joint<Own>([mine, ...tasks], limits.togetherMs, journal(request));
  const jobOf = ({ sinks, temps }: Own): Job => {
    const records = 'records' in options && { records: recordsFor(sinks, options.records) };
    return { ...options, ...records, sinks, temps, ...trust };
  };
  const { actors } = deps;
  // First, since their processes take a while to start.
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
    outcomes: request.sinks.map((sink) => outcomes.get(idOf(sink)) ?? failed(sink, FORGOTTEN)),
    records: Object.assign({}, ...results.map(({ records }) => records)) as JobResult['records'],
    temps: [...left, ...results.flatMap((one) => one.temps)],
  };
}

const FORGOTTEN = { code: 'INTERNAL', message: 'no process reported an outcome of this sink' } as const;

type Own = Pick<ShareWithTemps, 'sinks' | 'temps'>;

/** The caller reports an error of the journal: the sinks are written all the same. */
function journal({ beforeWrite }: Request): BeforeWrite {
  return async (staged) => {
    const temps = staged.map(({ temp }) => temp);
    await beforeWrite?.(
      temps,
      staged.flatMap(({ changing }) => changing.map(idOf)),
    ).catch(() => undefined);
  };
}

/** A share, and the temp files that its process removes. */
interface ShareWithTemps extends Share {
  readonly temps: readonly TempFile[];
}

interface Division {
  readonly tasks: readonly ShareWithTemps[];
  /** Temp files that the agent itself removes. */
  readonly own: readonly TempFile[];
  /** Temp files whose user does not exist any more. */
  readonly left: readonly TempFile[];
}

/** A process of the user who made a temp file removes it, even if that user has no sink any more. */
async function divide(
  { actors, users }: Pick<SinkDeps, 'actors' | 'users'>,
  temps: readonly TempFile[],
  shares: readonly Share[],
): Promise<Division> {
  const tasks: ShareWithTemps[] = shares.map((share) => ({
    ...share,
    temps: temps.filter((temp) => isIn(share, temp)),
  }));
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

/** Root has a process for each mount that may hang, and each of them removes only files beside its own sinks. */
function isIn({ user, sinks, mount }: Share, { uid, path }: TempFile): boolean {
  if (uid !== user.uid) return false;
  return mount === undefined || sinks.some((sink) => dirname(sink.path) === dirname(path));
}
