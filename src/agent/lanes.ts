import { notableSkew } from '../core/clock-skew.ts';
import type { Config } from '../core/config.ts';
import { digest } from '../core/digest.ts';
import type { Source } from '../core/contracts.ts';
import { EXIT, exitCodeOfErrors } from '../core/exit.ts';
import type { PassReport, SourceOutcome } from '../core/outcomes.ts';
import type { readingVerdicts } from '../rotation/evidence.ts';
import { spreadOf } from '../rotation/pending.ts';
import { firstWait, planNext, type Plan, type PlanInput } from '../rotation/plan.ts';
import { keptSkew, type FilesReport, type RotateDeps, type SourceKeep } from '../rotation/rotate.ts';
import { memoryOf, type AgentState } from '../rotation/state.ts';
import { sourcesInUse, type Sources } from '../source/registry.ts';
import type { AskedRequest } from './requests.ts';

/** The content of a status. */
export interface AgentView {
  readonly config: Config;
  readonly state: AgentState;
  readonly report: PassReport;
  /** For each notified consumer: whether it has not read its files since; undefined if that cannot be known. */
  readonly notReading: ReturnType<typeof readingVerdicts>;
  /** Undefined for a one-shot that has ended: it makes no further pass. */
  readonly next: Plan | undefined;
}

/** A source with its state in the agent: each has its passes, failures and plan. */
export interface Lane {
  readonly name: string;
  source: Source;
  settings: string | undefined;
  memory: SourceKeep;
  failures: number;
  last: FilesReport | undefined;
  /** Undefined before its first pass, and after its last one. */
  next: Plan | undefined;
  /** Requests for the next pass. */
  readonly asked: WaitingRequest[];
  /** Requests for the pass that is under way. */
  readonly serving: WaitingRequest[];
  isBusy: boolean;
  /** Its wait is over. */
  isDue: boolean;
  /** Its pass as far as the files. */
  writing: Promise<FilesReport> | undefined;
}

/** A request that waits for a pass of each of some sources. */
export interface WaitingRequest extends AskedRequest {
  /** The sources whose pass is still to come. */
  readonly left: Set<Lane>;
  /** The sources whose pass has yet to note the notifications that it asks for; passes may end in one moment. */
  readonly unnoted: Set<Lane>;
  /** The deliverer's moment of the request. */
  readonly since: number;
  readonly answer: PromiseWithResolvers<AgentView>;
}

/** The lanes of a configuration. A source that it had before keeps its state. */
export function lanesOf(config: Config, sources: Sources, before: readonly Lane[] = []): readonly Lane[] {
  return sourcesInUse(config).map((name) => {
    const settings = config.sources.find((one) => one.name === name);
    const made = { source: sources(name), settings: settings && digest(JSON.stringify(settings)) };
    const known = before.find((lane) => lane.name === name);
    // Credentials of other settings, of another role perhaps, must not go into further files.
    const forgotten = known?.settings === made.settings ? {} : { memory: {}, failures: 0 };
    if (known) return Object.assign(known, made, forgotten);
    const nothing = { memory: {}, failures: 0, last: undefined, next: undefined, writing: undefined };
    return { name, ...made, ...nothing, asked: [], serving: [], isBusy: false, isDue: false };
  });
}

type PlanDeps = Pick<RotateDeps, 'clock' | 'store' | 'readBootTime'>;

/** When the first pass of a process is due. */
export function planFirst(deps: PlanDeps, { refresh }: Config, lane: Lane): Plan {
  const { clock, store } = deps;
  const now = clock.now();
  const known = { now, refresh, ...currentOf(deps, lane), ...issuerOf(store.state, lane) };
  const waitMs = firstWait({ ...known, random: clock.random() });
  return { at: now + waitMs, waitMs, reason: 'advisory' };
}

/** When the next pass is due, after the last one. */
export function planLane(deps: PlanDeps, { refresh }: Config, lane: Lane): Plan {
  const { clock, store } = deps;
  const { schedule } = refresh;
  return planNext({
    now: clock.now(),
    refresh: { ...refresh, maxInterval: Math.min(refresh.maxInterval, lane.source.interval ?? Infinity) },
    ...currentOf(deps, lane),
    ...issuerOf(store.state, lane),
    failures: lane.failures,
    random: clock.random(),
    ...(schedule && { nextMatch: (after: number) => clock.nextMatch(schedule, after) }),
  });
}

/** By our clock, which is the one that we sleep by. */
function currentOf(deps: PlanDeps, { name }: Lane): Pick<PlanInput, 'current'> {
  const { current } = memoryOf(deps.store.state, name);
  if (!current) return {};
  return { current: { ...current, expiration: current.expiration + notableSkew(keptSkew({ ...deps, name })) } };
}

function issuerOf(state: AgentState, { source, memory }: Lane): Pick<PlanInput, 'issuer'> {
  return source.isIssuer ? { issuer: { spread: spreadOf(state), retry: memory.retry } } : {};
}

/** The source to act on first; without an error, the first of them. */
export function worstSource(sources: readonly SourceOutcome[]): SourceOutcome | undefined {
  const rank = ({ state, error }: SourceOutcome): number => {
    const code = error ? exitCodeOfErrors([error]) : EXIT.done;
    return state === 'ok' ? 1000 : state === 'stale' ? 999 : Object.values(EXIT).indexOf(code);
  };
  return sources.toSorted((a, b) => rank(a) - rank(b))[0];
}
