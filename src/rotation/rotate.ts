import { notableSkew, sourceTime } from '../core/clock-skew.ts';
import type { Config } from '../core/config.ts';
import type { BootTime, Clock, FailedFetch, Fetched, Source } from '../core/contracts.ts';
import { versionOf, type Credentials, type Origin } from '../core/credentials.ts';
import type { PassReport, PassTrigger, SinkOutcome, SourceOutcome } from '../core/outcomes.ts';
import { idOf, sinkId } from '../core/sink-id.ts';
import type { ApplyRequest, ApplyResult } from '../sinks/contract.ts';
import { accept, type Decision } from './accept.ts';
import { letGoDeleted } from './forget.ts';
import { notePending, noteRenewed, spreadOf } from './pending.ts';
import { issueAt } from './plan.ts';
import { memoryOf, withMemory, without, type AgentState, type SourceMemory } from './state.ts';
import type { StateStore } from './store.ts';

export interface RotateDeps {
  /** The name of the source. */
  readonly name: string;
  readonly source: Source;
  /** Of the source's configuration, where another one means other credentials. */
  readonly settings?: string;
  /** Runs what changes files after all that did so before. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly clock: Clock;
  readonly store: StateStore;
  readonly readBootTime: () => BootTime;
  readonly applySinks: (request: ApplyRequest) => Promise<ApplyResult>;
  /** The current credentials, in memory alone: with them drift is repaired while the source is not asked. */
  readonly memory: SourceKeep;
}

/** The memory of a source between passes, never on disk. */
export interface SourceKeep {
  credentials?: Credentials;
  /** How a failure of the last pass is to be tried again. */
  retry?: FailedFetch['retry'] | undefined;
}

export interface PassRequest {
  readonly trigger: PassTrigger;
  /** Ask these sources for new credentials although the current ones are good for a while. */
  readonly sources?: readonly string[];
  /** `--accept`: accept credentials even if they expire earlier. The user id of the person who asked for it. */
  readonly acceptedBy?: number;
}

/** The report of a pass without consumers: the Deliverer notifies them meanwhile, and reports them. */
export type FilesReport = Omit<PassReport, 'consumers' | 'sources'>;

/**
 * One pass of one source: fetches, writes its sinks, and notes which consumers to notify. A notification is pending on
 * disk before the first rename, so that a kill loses none; if the state cannot be saved, the next process finds the new
 * keys in the files and notes it again. Fetches of several sources overlap; what changes files does not. Rejects only
 * when aborted; failures are in the report.
 */
export async function rotate(
  deps: RotateDeps,
  config: Config,
  request: PassRequest,
  signal: AbortSignal,
): Promise<FilesReport> {
  const { clock, name, source, store, inTurn } = deps;
  const startedAt = clock.now();
  const fetched = isDue(deps, config, request) ? await source.fetch(signal) : undefined;
  const made = await inTurn(() => write(deps, config, request, fetched));
  const { inVain = [] } = memoryOf(store.state, name);
  const outdated = made.sinks.filter(({ result }) => result === 'outdated').map(sinkId);
  if (fetched || outdated.every((id) => inVain.includes(id))) return { ...made, startedAt };
  // The credentials live on, but this process does not have them.
  const again = await source.fetch(signal);
  const remade = await inTurn(async () => {
    const report = await write(deps, config, request, again);
    if (again.ok) await noteInVain(deps, outdated, report.sinks);
    return report;
  });
  return { ...remade, startedAt };
}

/**
 * Whether to ask the source. A source that issues new credentials each time is asked only when the current ones run
 * out.
 */
function isDue(deps: RotateDeps, config: Config, request: PassRequest): boolean {
  const { name, source, settings, store, clock } = deps;
  const { state } = store;
  const known = memoryOf(state, name);
  if (!source.isIssuer || !known.current || known.settings !== settings) return true;
  if (request.acceptedBy !== undefined || request.sources?.includes(name)) return true;
  return sourceTime(clock.now(), keptSkew(deps)) >= issueAt(known.current, config.refresh, spreadOf(state));
}

/** Our clock minus the source's, in milliseconds, by the source's last answer: our clock may have been set since. */
export function keptSkew({
  clock,
  name,
  readBootTime,
  store,
}: Pick<RotateDeps, 'clock' | 'name' | 'readBootTime'> & {
  readonly store: Pick<StateStore, 'state'>;
}): number | undefined {
  const sourceClock = memoryOf(store.state, name).clock;
  const { bootId, sinceBoot } = readBootTime();
  return sourceClock?.bootId === bootId ? clock.now() - sinceBoot - sourceClock.bootedAt : undefined;
}

/** Without an answer the current credentials are kept. */
async function write(
  deps: RotateDeps,
  config: Config,
  request: PassRequest,
  fetched: Fetched | undefined,
): Promise<Omit<FilesReport, 'startedAt'>> {
  const { clock, name, store } = deps;
  const before = memoryOf(store.state, name);
  const pass = passOf(deps, config, request, fetched);
  const decide = (takesEarlier: boolean): Decision =>
    fetched ? accept(fetched, before, pass.sourceNow, takesEarlier) : { kind: 'keep', state: 'ok' };
  let decision = decide(pass.acceptsEarlier || before.settings !== deps.settings);
  let sinks = await writeSinks(deps, decision, pass);
  if (!deps.memory.credentials && isBetterGone(decision, sinks)) {
    decision = decide(true);
    sinks = await writeSinks(deps, decision, pass);
  }
  await letGoDeleted(store, config.sinks);
  const after = memoryOf(store.state, name);
  return {
    trigger: request.trigger,
    finishedAt: clock.now(),
    generation: after.generation,
    rotated: decision.kind === 'new',
    ...(decision.kind === 'new' && pass.acceptsEarlier && { acceptedBy: request.acceptedBy }),
    source: sourceOutcome(name, decision, { clockSkew: pass.clockSkew, former: before.origin, after }),
    sinks,
    errors: store.trouble ? [store.trouble] : [],
  };
}

/** A later process asks no more for sinks that could not be written. */
async function noteInVain(
  { name, store }: RotateDeps,
  wanted: readonly string[],
  sinks: readonly SinkOutcome[],
): Promise<void> {
  const failed = new Set(sinks.filter(({ error }) => error).map(sinkId));
  const inVain = wanted.filter((id) => failed.has(id));
  await store.update((state) => withMemory(state, name, { ...memoryOf(state, name), inVain }));
}

interface Pass {
  /** With the sinks of this source alone. */
  readonly config: Config;
  readonly scope: Pick<ApplyRequest, 'sinks' | 'neighbours' | 'trustedGroups' | 'privateVolumes'>;
  readonly source: string;
  readonly settings?: string;
  readonly now: number;
  /** By the clock of the source. */
  readonly sourceNow: number;
  readonly clockSkew: number | undefined;
  /** A person asked to accept any credentials of the source. */
  readonly acceptsEarlier: boolean;
  /** New facts about the source. */
  readonly facts: Pick<SourceMemory, 'identity' | 'clock'>;
  /** If the credentials are new. */
  readonly generation: number;
  /** Random, kept with the first credentials of this host: spreads the restarts of a fleet. */
  readonly seed: string;
}

function passOf(deps: RotateDeps, config: Config, request: PassRequest, fetched: Fetched | undefined): Pass {
  const { clock, memory, name, readBootTime, settings, store } = deps;
  const now = clock.now();
  const { bootId, sinceBoot } = readBootTime();
  const kept = keptSkew(deps);
  // A source that is away says nothing of its clock, which runs on.
  const clockSkew = fetched?.clockSkew ?? kept;
  // Within what blurs it, it is the same: a pass without news writes no state.
  const isKnown = clockSkew === undefined || (kept !== undefined && notableSkew(clockSkew - kept) === 0);
  memory.retry = fetched?.ok === false ? fetched.retry : undefined;
  const sinks = config.sinks.filter(({ source }) => source === name);
  const paths = new Set(sinks.map(({ path }) => path));
  const neighbours = config.sinks.filter(({ source, path }) => source !== name && paths.has(path));
  const { trustedGroups, privateVolumes } = config;
  return {
    config: { ...config, sinks },
    scope: { sinks, neighbours, trustedGroups, privateVolumes },
    source: name,
    ...(settings !== undefined && { settings }),
    now,
    sourceNow: sourceTime(now, clockSkew),
    clockSkew,
    acceptsEarlier: request.acceptedBy !== undefined,
    facts: {
      ...(fetched?.ok && fetched.identity && { identity: { bootId, ...fetched.identity } }),
      ...(!isKnown && { clock: { bootId, bootedAt: now - clockSkew - sinceBoot } }),
    },
    generation: memoryOf(store.state, name).generation + 1,
    seed: String(clock.random()),
  };
}

function sourceOutcome(
  name: string,
  decision: Decision,
  { clockSkew, former, after }: { clockSkew: number | undefined; former: Origin; after: SourceMemory },
): SourceOutcome {
  const { current, origin } = after;
  return {
    name,
    state: decision.kind === 'keep' ? decision.state : 'ok',
    rotated: decision.kind === 'new',
    origin,
    ...(decision.kind === 'new' && decision.moved && { movedFrom: former }),
    ...(clockSkew !== undefined && { clockSkew }),
    ...(current && { keyId: current.keyId, expiration: current.expiration }),
    ...(decision.kind === 'keep' && decision.error && { error: decision.error }),
  };
}

/**
 * To a process that never had them, the current credentials are lost: a sink needs credentials, and no sink is known to
 * hold them. A sink that could not be looked at may.
 */
export function isBetterGone(decision: Decision, sinks: readonly SinkOutcome[]): boolean {
  const isRefused = decision.kind === 'keep' && decision.error?.code === 'CREDENTIALS_OLDER';
  const isNeeded = sinks.some(({ error }) => error?.code === 'SINK_OUTDATED');
  return isRefused && isNeeded && sinks.every(({ error }) => error);
}

/** Without credentials, past ones included, there is nothing to write or to compare. */
async function writeSinks(deps: RotateDeps, decision: Decision, pass: Pass): Promise<readonly SinkOutcome[]> {
  const { memory, store } = deps;
  if (decision.kind !== 'keep') memory.credentials = decision.credentials;
  const { credentials } = memory;
  const before = store.state;
  const { current, origin } = memoryOf(before, pass.source);
  const version = credentials ? versionOf(credentials) : current;
  if (!version) return [];
  // After a state that could not be used nobody knows who was notified, whatever the files hold: everybody is.
  const unremembered = store.wasUnusable && !current ? pass.config.sinks.map(idOf) : [];
  const note = (state: AgentState, changing: readonly string[] = []): AgentState =>
    noteChange(enter(state, decision, pass), decision, pass, [...unremembered, ...changing]);
  const { outcomes, records, temps } = await deps.applySinks({
    ...pass.scope,
    version,
    credentials: credentials && credentials.expiration > pass.sourceNow ? credentials : undefined,
    origin: decision.kind === 'keep' ? origin : decision.origin,
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
  await store.update((state) => ({
    ...withWritten(note(state, decision.kind === 'new' ? thereAlready(outcomes) : []), pass, outcomes),
    // A file that was not renamed is still what its record says; of one that was, and is not right, nothing is known.
    sinks: { ...without(before.sinks, renamed), ...records },
    temps: [...temps],
  }));
  return outcomes;
}

/** New keys in them came from a pass that was killed and could not save its state. */
function thereAlready(outcomes: readonly SinkOutcome[]): readonly string[] {
  return outcomes.filter(({ bytesChanged, error }) => !bytesChanged && !error).map(sinkId);
}

/** The state with the present content of these sinks' files. */
function withWritten(state: AgentState, { source, config }: Pass, outcomes: readonly SinkOutcome[]): AgentState {
  const { current } = memoryOf(state, source);
  if (!current) return state;
  const { keyId, expiration } = current;
  const good = new Set(outcomes.filter(({ error }) => !error).map(sinkId));
  const written = config.sinks
    .filter((sink) => good.has(idOf(sink)))
    // Forgetting removes the whole file and needs no template, which can be long.
    .map((sink) => (sink.format === 'template' ? { ...sink, template: '' } : sink))
    .map((sink) => [idOf(sink), { sink, keyId, expiration }]);
  return { ...state, written: { ...state.written, ...(Object.fromEntries(written) as AgentState['written']) } };
}

/** The state that a pass of this source would leave behind, were these sinks written. */
export function stateAfter(
  before: AgentState,
  decision: Decision,
  config: Config,
  { source, changing, now }: { readonly source: string; readonly changing: readonly string[]; readonly now: number },
): AgentState {
  const generation = memoryOf(before, source).generation + 1;
  const pass = { config, source, now, acceptsEarlier: false, facts: {}, generation, seed: '' };
  const after = noteChange(enter(before, decision, pass), decision, pass, changing);
  return { ...after, sinks: without(before.sinks, changing) };
}

type Entering = Omit<Pass, 'sourceNow' | 'clockSkew' | 'scope'>;

/** The state with the decision in it; the same if it is done twice. */
function enter(state: AgentState, decision: Decision, pass: Entering): AgentState {
  const { config, source, settings, facts, generation, seed } = pass;
  const before = { ...memoryOf(state, source), ...facts };
  if (decision.kind === 'keep') return facts.clock ? withMemory(state, source, before) : state;
  const { inVain: _, ...rest } = before;
  const known = { ...rest, origin: decision.origin, ...(settings !== undefined && { settings }) };
  if (decision.kind === 'same') return withMemory(state, source, known);
  const { current } = decision;
  if (decision.kind === 'renewed') return noteRenewed(withMemory(state, source, { ...known, current }), config, pass);
  return { ...withMemory(state, source, { ...known, current, generation }), seed: state.seed ?? seed };
}

function noteChange(
  state: AgentState,
  decision: Decision,
  { config, source, now, acceptsEarlier }: Entering,
  sinks: readonly string[],
): AgentState {
  const urgent = decision.kind === 'new' && (decision.moved || acceptsEarlier);
  return notePending(state, config, { source, sinks, now, urgent });
}
