import { sourceTime } from '../core/clock-skew.ts';
import type { Config } from '../core/config.ts';
import type { Clock, Fetched, Source } from '../core/contracts.ts';
import { printOf, type Credentials, type Origin } from '../core/credentials.ts';
import type { PassReport, PassTrigger, SinkOutcome, SourceOutcome } from '../core/outcomes.ts';
import { idOf, sinkId } from '../core/sink-id.ts';
import type { ApplyRequest, ApplyResult } from '../sinks/contract.ts';
import { accept, type Decision } from './accept.ts';
import { noteManual, notePending, noteRenewed } from './pending.ts';
import { without, type AgentState } from './state.ts';
import type { StateStore } from './store.ts';

export interface RotateDeps {
  readonly source: Source;
  readonly clock: Clock;
  readonly store: StateStore;
  /** /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
  readonly applySinks: (request: ApplyRequest) => Promise<ApplyResult>;
  /** The current credentials, never on disk: drift is repaired with them while the source is unreachable. */
  readonly memory: { credentials?: Credentials };
}

export interface PassRequest {
  readonly trigger: PassTrigger;
  /** Notify every consumer, changed or not. */
  readonly notifyAll: boolean;
  /** Notify these, changed or not. */
  readonly notify?: readonly string[];
  /** `--accept`: accept credentials even if they expire earlier. The user id of the person who asked for it. */
  readonly acceptedBy?: number;
}

/** The report of a pass without consumers: the Deliverer notifies them meanwhile, and reports them. */
export type FilesReport = Omit<PassReport, 'consumers'>;

/**
 * One pass: fetches, writes the sinks, and notes which consumers to notify. What a changed file makes pending is on disk
 * before the first rename, so that a kill loses no notification; if the state cannot be saved, the next process finds
 * the new keys in the files and notes it again. What a person asks for is noted last: a kill before it fails the
 * request. Rejects only when aborted; failures are in the report.
 */
export async function rotate(
  deps: RotateDeps,
  config: Config,
  request: PassRequest,
  signal: AbortSignal,
): Promise<FilesReport> {
  const { clock, source, store } = deps;
  const startedAt = clock.now();
  const fetched = await source.fetch(signal);
  const before = store.state;
  const pass = passOf(deps, config, request, fetched);
  let decision = accept(fetched, before, pass.sourceNow, pass.acceptsEarlier);
  let sinks = await writeSinks(deps, decision, pass);
  if (isBetterGone(deps, decision, sinks)) {
    decision = accept(fetched, before, pass.sourceNow, true);
    sinks = await writeSinks(deps, decision, pass);
  }
  const { notify, notifyAll } = request;
  const consumers = config.consumers.filter(({ name }) => notifyAll || notify?.includes(name));
  if (consumers.length > 0)
    await store.update((state) => noteManual(state, { ...config, consumers }, { now: pass.now, names: notify }));
  return {
    trigger: request.trigger,
    startedAt,
    finishedAt: clock.now(),
    generation: store.state.generation,
    rotated: decision.kind === 'new',
    ...(decision.kind === 'new' && pass.acceptsEarlier && { acceptedBy: request.acceptedBy }),
    source: sourceOutcome(decision, fetched, before.origin, store.state),
    sinks,
    errors: store.trouble ? [store.trouble] : [],
  };
}

interface Pass {
  readonly config: Config;
  readonly now: number;
  /** By the clock of the source. */
  readonly sourceNow: number;
  /** `--accept`. */
  readonly acceptsEarlier: boolean;
  readonly identity: Pick<AgentState, 'identity'>;
  /** Of the rotation, if the credentials are new. */
  readonly generation: number;
  /** Random, kept with the first credentials of this host: spreads the restarts of a fleet. */
  readonly seed: string;
}

function passOf({ bootId, clock, store }: RotateDeps, config: Config, request: PassRequest, fetched: Fetched): Pass {
  const now = clock.now();
  return {
    config,
    now,
    sourceNow: sourceTime(now, fetched.clockSkew),
    acceptsEarlier: request.acceptedBy !== undefined,
    identity: fetched.ok && fetched.identity ? { identity: { bootId, ...fetched.identity } } : {},
    generation: store.state.generation + 1,
    seed: String(clock.random()),
  };
}

function sourceOutcome(
  decision: Decision,
  { clockSkew }: Fetched,
  former: Origin,
  { current, origin }: AgentState,
): SourceOutcome {
  return {
    state: decision.kind === 'keep' ? decision.state : 'ok',
    origin,
    ...(decision.kind === 'new' && decision.moved && { movedFrom: former }),
    ...(clockSkew !== undefined && { clockSkew }),
    ...(current && { keyId: current.keyId, expiration: current.expiration }),
    ...(decision.kind === 'keep' && { error: decision.error }),
  };
}

/**
 * The current credentials are lost: this process never had them, a sink needs credentials, and no sink is known to hold
 * them. A sink that could not be looked at may.
 */
function isBetterGone({ memory }: RotateDeps, decision: Decision, sinks: readonly SinkOutcome[]): boolean {
  const isRefused = decision.kind === 'keep' && decision.error.code === 'CREDENTIALS_OLDER';
  const isNeeded = sinks.some(({ error }) => error?.code === 'SINK_OUTDATED');
  return isRefused && !memory.credentials && isNeeded && sinks.every(({ error }) => error);
}

/** Without credentials, past ones included, there is nothing to write or to compare. */
async function writeSinks(deps: RotateDeps, decision: Decision, pass: Pass): Promise<readonly SinkOutcome[]> {
  const { memory, store } = deps;
  if (decision.kind !== 'keep') memory.credentials = decision.credentials;
  const { credentials } = memory;
  const before = store.state;
  const print = credentials ? printOf(credentials) : before.current;
  if (!print) return [];
  // The state was unusable, so it is unknown which consumers were notified: every sink counts as changed.
  const unremembered = store.wasUnusable && !before.current ? pass.config.sinks.map(idOf) : [];
  const note = (state: AgentState, changing: readonly string[] = []): AgentState =>
    noteChange(enter(state, decision, pass), decision, pass, [...unremembered, ...changing]);
  const { outcomes, records, temps } = await deps.applySinks({
    sinks: pass.config.sinks,
    trustedGroups: pass.config.trustedGroups,
    print,
    credentials: credentials && credentials.expiration > pass.sourceNow ? credentials : undefined,
    origin: decision.kind === 'keep' ? before.origin : decision.origin,
    rotated: decision.kind === 'new',
    records: before.sinks,
    temps: before.temps,
    beforeWrite: (staged, changing) =>
      store.update((state) => ({
        ...note(state, changing),
        // After a kill it is unknown when they changed: without a record their consumers are notified in any case.
        sinks: without(state.sinks, changing),
        temps: [...state.temps, ...staged],
      })),
  });
  const renamed = outcomes.filter(({ bytesChanged }) => bytesChanged).map(sinkId);
  // New keys that a file has already came from a pass that was killed and could not save its state.
  const found = outcomes.filter(({ bytesChanged, error }) => decision.kind === 'new' && !bytesChanged && !error);
  await store.update((state) => ({
    ...withWritten(note(state, found.map(sinkId)), pass.config, outcomes),
    // Files that were not renamed keep their record; renamed ones lose it, unless the pass has made another.
    sinks: { ...without(before.sinks, renamed), ...records },
    temps: [...temps],
  }));
  return outcomes;
}

/** Notes which credentials each sink without an error now holds. */
function withWritten(state: AgentState, { sinks }: Config, outcomes: readonly SinkOutcome[]): AgentState {
  if (!state.current) return state;
  const { keyId, expiration } = state.current;
  const good = new Set(outcomes.filter(({ error }) => !error).map(sinkId));
  const written = sinks
    .filter((sink) => good.has(idOf(sink)))
    // It goes as a whole, and its template can be long.
    .map((sink) => (sink.format === 'template' ? { ...sink, template: '' } : sink))
    .map((sink) => [idOf(sink), { sink, keyId, expiration }]);
  return { ...state, written: { ...state.written, ...(Object.fromEntries(written) as AgentState['written']) } };
}

/** The state after a pass that writes these sinks: for previews. */
export function stateAfter(
  before: AgentState,
  decision: Decision,
  config: Config,
  { changing, now }: { readonly changing: readonly string[]; readonly now: number },
): AgentState {
  const pass = { config, now, acceptsEarlier: false, identity: {}, generation: before.generation + 1, seed: '' };
  const after = noteChange(enter(before, decision, pass), decision, pass, changing);
  return { ...after, sinks: without(before.sinks, changing) };
}

type Entering = Omit<Pass, 'sourceNow'>;

/** The state with the decision in it. Idempotent: it is applied before and after the write. */
function enter(
  state: AgentState,
  decision: Decision,
  { config, now, identity, generation, seed }: Entering,
): AgentState {
  if (decision.kind === 'keep') return state;
  const { origin } = decision;
  const entered = { ...state, ...identity, origin };
  if (decision.kind === 'same') return entered;
  const { current } = decision;
  if (decision.kind === 'renewed') return noteRenewed({ ...entered, current }, config, now);
  return { ...entered, seed: state.seed ?? seed, current, generation };
}

function noteChange(
  state: AgentState,
  decision: Decision,
  { config, now, acceptsEarlier }: Entering,
  sinks: readonly string[],
): AgentState {
  const urgent = decision.kind === 'new' && (decision.moved || acceptsEarlier);
  return notePending(state, config, { sinks, now, urgent });
}
